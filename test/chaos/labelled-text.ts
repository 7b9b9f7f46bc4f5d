/**
 * Texts that can be told from their damaged forms.
 *
 * A text starts with a label, which ends in its length, and the label decides every byte after it. So whoever reads it back knows
 * which write it came from, and that nothing of it is missing or changed.
 */
export function textOf(label: string): string {
  const length = Number(label.slice(label.lastIndexOf('.') + 1))
  // It ends in a point, since a header that ends in a space loses it on its way.
  return `${label}|${`${label} `.repeat(Math.ceil(length / (label.length + 1))).slice(0, length - 1)}.`
}

/** The label of a text, or what is wrong with it. */
export function labelOf(text: string): string {
  const label = text.slice(0, Math.max(0, text.indexOf('|')))
  return label !== '' && text === textOf(label) ? label : `damaged: ${text.slice(0, 60)} (${text.length} characters)`
}

/** The labels of texts that stand one after the other without anything between them. */
export function labelsOf(texts: string): readonly string[] {
  const labels: string[] = []
  for (let at = 0; at < texts.length; ) {
    const label = texts.slice(at, Math.max(at, texts.indexOf('|', at)))
    const whole = textOf(label)
    if (label === '' || texts.slice(at, at + whole.length) !== whole) return [...labels, `damaged at ${at}`]
    labels.push(label)
    at += whole.length
  }
  return labels
}
