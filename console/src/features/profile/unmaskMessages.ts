import { catalog } from '~/shared/i18n'

export const unmask = catalog(
  {
    show: 'Show what is masked',
    hide: 'Mask it again',
    text: 'You see this person once, unmasked. Who looked, when and why is noted in the audit log.',
    reason: 'Why do you look?',
    reasonHint: 'Such as: she called about order 4711',
    go: 'Show it',
    mayNot: 'Personal data is masked. Your role does not include seeing it.',
    noted: 'You see this person unmasked. It is noted that you looked, and ends when you leave the page.',
  },
  {
    show: 'Maskiertes zeigen',
    hide: 'Wieder maskieren',
    text: 'Sie sehen diese Person einmal unmaskiert. Wer wann und warum nachgesehen hat, steht danach im Protokoll.',
    reason: 'Warum sehen Sie nach?',
    reasonHint: 'Etwa: Sie rief wegen Bestellung 4711 an',
    go: 'Zeigen',
    mayNot: 'Personenbezogenes ist maskiert. Ihre Rolle darf es nicht sehen.',
    noted: 'Sie sehen diese Person unmaskiert. Dass Sie nachgesehen haben, ist vermerkt; es endet, wenn Sie die Seite verlassen.',
  },
)
