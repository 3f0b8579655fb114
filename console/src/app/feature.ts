import type { ComponentType } from 'react'
import type { Area, Scope } from '~/features/access/session'
import type { Language } from '~/shared/i18n'

/** NavGroup is a part of the left rail, in this order. */
export const navGroups = ['start', 'data', 'people', 'decide', 'reach', 'govern'] as const
export type NavGroup = (typeof navGroups)[number]

/** NavItem is one line of the left rail, and one of the palette. */
export interface NavItem {
  to: string
  group: NavGroup
  label: Record<Language, string>
  icon: ComponentType<{ size?: number | string; stroke?: number | string }>
  /** g and this letter go there */
  letter: string
  /** further words that the palette finds it by */
  words?: string
  /** what somebody's roles must include to see anything there */
  needs?: [Area, Scope]
}
