import { IconBraces, IconBrain, IconFunction, IconLogin2, IconMath, IconMessage2, IconPlugConnected, IconShape, IconTable, IconTicket } from '@tabler/icons-react'
import type { Kind } from './kinds'

export const kindIcons: Record<Kind, typeof IconTable> = {
  input: IconLogin2, connection: IconPlugConnected, table: IconTable, template: IconMessage2, script: IconBraces,
  prediction: IconBrain, formula: IconMath, offers: IconTicket, function: IconFunction, other: IconShape,
}
