/**
 * Says on standard error what went wrong with work that nobody waits for, such as a write to a disk that is full.
 *
 * What was to be done stays as it is in the store, and the next start goes on with it.
 */
export function complaint(about: string): (failure: unknown) => void {
  return (failure) => {
    process.stderr.write(`emulator: ${about}: ${failure instanceof Error ? failure.stack : failure}\n`)
  }
}
