import { LOCAL_SUBSCRIPTION } from '../../azure/credentials.ts'
import { surroundingsOf } from '../../azure/transport.ts'
import { Fault } from '../../core/errors.ts'

/** Refuses to look for a workspace of the emulator in the real Azure: a shell without its variables is the commonest slip. */
export function demandOwnCloud(workspace: string): void {
  const emulated = workspace.toLowerCase().startsWith(`/subscriptions/${LOCAL_SUBSCRIPTION}/`)
  if (!emulated || surroundingsOf(process.env).local) return
  throw new Fault(
    'azure/not-emulator',
    `${workspace} is the emulator's, and this shell does not point at the emulator`,
    {
      hint: 'Run eval "$(holdfast local env)" first, with the --dir that the emulator was started with.',
    },
  )
}
