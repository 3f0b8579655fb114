// Addresses of scripts are no addresses.
export const safe = (name: string, value: string) => {
  try {
    return /^(https?|mailto|tel):$/.test(new URL(value, location.href).protocol) || (name == 'src' && /^data:image\//.test(value))
  } catch {
    return false
  }
}
