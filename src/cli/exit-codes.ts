/** Every exit code, for `--help`. A test compares them with the table of errors. */
export const EXIT_CODES: ReadonlyMap<number, string> = new Map([
  [0, 'done'],
  [2, 'an argument is wrong, or names something that is not there'],
  [3, 'the policy has a mistake, or it or a workspace that it names is not there'],
  [20, 'something cannot be planned: a ring, a dangling reference, a conflict'],
  [21, 'a list did not come to its end'],
  [22, 'the brake was to be lifted for another plan than there is by now'],
  [23, 'something was not carried; each thing is named'],
  [24, 'what stands in the standby differs in what can never change'],
  [25, 'the sides differ (drift --exit-code)'],
  [30, 'signing in failed, or a right is missing'],
  [31, 'Azure does not answer, or asks to wait: run it again later'],
  [32, 'Azure refused'],
  [33, 'the emulator and the real Azure would be mixed up'],
  [34, 'bytes changed while they were read, or are damaged'],
  [40, 'this process lost the lease to another'],
  [41, 'another process holds the lease'],
  [42, 'the journal or the ledger is damaged'],
  [43, 'the disk is full, or a step failed by a defect'],
  [50, 'the failover was refused; the reason is said'],
  [60, 'no emulator runs, or one runs already'],
  [70, 'a defect of Holdfast itself'],
  [130, 'interrupted: run it again, it goes on'],
])

/** The table at the end of `holdfast --help`. */
export function exitCodeHelp(): string {
  const rows = [...EXIT_CODES].map(([code, meaning]) => `  ${String(code).padStart(3)}  ${meaning}`)
  return `\nExit codes:\n${rows.join('\n')}\n`
}
