import { IconApi, IconBrandSlack, IconDatabase, IconDeviceMobileMessage, IconFileSpreadsheet, IconMail, IconPlug, IconStack2, IconTopologyStar3, IconWebhook, IconArrowsRight } from '@tabler/icons-react'

export const kindIcons: Record<string, typeof IconMail> = {
  email: IconMail, files: IconFileSpreadsheet, http: IconApi, kafka: IconStack2, nats: IconTopologyStar3, postgres: IconDatabase, segment: IconArrowsRight, slack: IconBrandSlack, sms: IconDeviceMobileMessage, webhook: IconWebhook,
}

export const anyKind = IconPlug
