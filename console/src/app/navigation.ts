import { mayIn, useAccessRights } from '~/features/access/session'
import type { NavItem } from './feature'
import { navigation } from './features'

/** useNavigation are the lines of navigation that lead somewhere for whoever is signed in. */
export function useNavigation(): NavItem[] {
  const rights = useAccessRights()
  return navigation.filter((n) => !n.needs || mayIn(rights, ...n.needs))
}
