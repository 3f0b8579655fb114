// The words of dmn-js that people meet; the rest is English.
const german: Record<string, string> = {
  Add: 'Hinzufügen', Append: 'Anfügen', 'Append Decision': 'Entscheidung anfügen', 'Append Input Data': 'Eingabe anfügen',
  'Append Knowledge Source': 'Wissensquelle anfügen', 'Append Business Knowledge Model': 'Funktion anfügen',
  'Append decision': 'Entscheidung anfügen', 'Append input data': 'Eingabe anfügen', 'Append knowledge source': 'Wissensquelle anfügen',
  'Append business knowledge model': 'Funktion anfügen', 'Append knowledge model': 'Funktion anfügen',
  'Connect using Information/Knowledge/Authority Requirement or Association': 'Mit Pfeil verbinden',
  'Connect to other element': 'Mit Pfeil verbinden', 'Change type': 'Art ändern', 'Change element': 'Art ändern', Remove: 'Entfernen', Delete: 'Löschen',
  'Delete element': 'Löschen', 'Hit policy': 'Trefferregel', 'Hit Policy': 'Trefferregel', 'Hit Policy:': 'Trefferregel:', Annotations: 'Anmerkungen',
  When: 'Wenn', And: 'Und', Then: 'Dann', Input: 'Eingabe', Output: 'Ausgabe', 'Add input': 'Eingabe hinzufügen', 'Add output': 'Ausgabe hinzufügen',
  'Add rule': 'Regel hinzufügen', 'Edit decision table': 'Tabelle bearbeiten', Expression: 'Ausdruck', 'Output name': 'Name der Ausgabe',
  'Add Rule Above': 'Regel darüber', 'Add Rule Below': 'Regel darunter', 'Remove Rule': 'Regel entfernen', 'Remove rule': 'Regel entfernen',
}

/** translate gives what dmn-js asks words of. */
export function translate(language: string): (template: string, values?: Record<string, string>) => string {
  return (template, values = {}) =>
    ((language === 'de' ? german[template] : undefined) ?? template).replace(/{([^}]+)}/g, (whole, key: string) => values[key] ?? whole)
}
