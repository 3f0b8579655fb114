/** Problem is an error as the server tells it (RFC 9457), or that it cannot be reached. */
export interface ProblemDocument {
  title: string
  status: number
  /** what is wrong, where, and the mend */
  detail: string
  code: string
  errors?: { field: string; message: string; line?: number; column?: number }[]
  request_id?: string
}

export class Problem extends Error {
  constructor(readonly document: ProblemDocument) {
    super(document.detail)
    this.name = 'Problem'
  }

  get status(): number {
    return this.document.status
  }

  get code(): string {
    return this.document.code
  }

  /** field gives what is wrong with one field of a form, by its JSON pointer. */
  field(pointer: string): string | undefined {
    return this.document.errors?.find((e) => e.field === pointer)?.message
  }
}

/** problemOf makes a problem of whatever was thrown. */
export function problemOf(e: unknown): Problem {
  if (e instanceof Problem) return e
  return new Problem({ title: '', status: 0, code: 'console_fault', detail: e instanceof Error ? e.message : String(e) })
}

/** inPlainWords leaves out what a request would mend: that is for who calls the API. */
export const inPlainWords = (detail: string): string => detail.replace(/[:;.] (GET|PUT|POST|DELETE) \/.*$/s, '.')

/** sentence makes what the server says begin as sentences do; a name that comes first stays as it is. */
export const sentence = (text: string): string => text.replace(/^\p{Ll}+(?=[\s,:])/u, (word) => word[0]!.toUpperCase() + word.slice(1))

export const unreachable = (): Problem => new Problem({ title: '', status: 0, code: 'unreachable', detail: '' })

/** readProblem reads an answer that is no success. */
export function readProblem(status: number, body: unknown, requestId: string | null): Problem {
  const given = (typeof body === 'object' && body !== null ? body : {}) as Partial<ProblemDocument>
  return new Problem({
    title: given.title ?? '',
    status,
    code: given.code ?? 'unreadable_answer',
    detail: sentence(given.detail ?? ''),
    ...(given.errors ? { errors: given.errors.map((e) => ({ ...e, message: sentence(e.message) })) } : {}),
    ...(given.request_id || requestId ? { request_id: given.request_id ?? requestId ?? '' } : {}),
  })
}
