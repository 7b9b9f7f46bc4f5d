/**
 * A template or its parameters that Resource Manager would not take.
 *
 * The message is the inner sentence; where it is thrown in a place that is known, {@link path} leads there.
 */
export class TemplateViolation extends Error {
  override readonly name = 'TemplateViolation'
  readonly path: string

  constructor(message: string, path = '') {
    super(message)
    this.path = path
  }

  /** The same violation, with the place where it was met unless a closer one is known. */
  at(path: string): TemplateViolation {
    return this.path === '' ? new TemplateViolation(this.message, path) : this
  }
}

/** Text of an expression that cannot be parsed: a kind of its own, because Azure words it differently. */
export class BadExpression extends TemplateViolation {
  override at(path: string): TemplateViolation {
    return this.path === '' ? new BadExpression(this.message, path) : this
  }
}
