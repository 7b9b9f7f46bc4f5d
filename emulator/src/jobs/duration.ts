const FORM = /^P(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:(\d+(?:\.\d+)?)S)?)?$/i

/** Seconds of an ISO 8601 duration of days, hours, minutes and seconds; `undefined` for anything else. */
export function secondsOf(duration: unknown): number | undefined {
  const found = typeof duration === 'string' ? FORM.exec(duration) : null
  if (found === null) return undefined
  const [days = 0, hours = 0, minutes = 0, seconds = 0] = found.slice(1).map((part) => Number(part ?? 0))
  return ((days * 24 + hours) * 60 + minutes) * 60 + seconds
}

/** A number of seconds, or a duration as it is, in the form of ARM. */
export function durationOf(value: unknown): string {
  return /^\d+(\.\d+)?$/.test(String(value)) ? `PT${value}S` : String(value)
}
