import { pollingHeaders } from '../../arm/operations.ts'
import type { Call, Reply } from '../../call.ts'
import type { Region } from '../../region.ts'
import { isLeaving } from '../leaving.ts'
import { propertiesIn, type Values } from './kinds.ts'

/** An answer that begins a long-running operation. Only inside a write. */
export function begun(
  region: Region,
  call: Call,
  of: { readonly kind: string; readonly id: string; readonly reply: Reply; readonly input?: unknown },
): Reply {
  const operation = region.operations.start({ kind: of.kind, subject: of.id, input: of.input, by: call.caller.id })
  const headers = { ...of.reply.headers, ...pollingHeaders(call, operation, { location: region.name }) }
  return { ...of.reply, headers, note: { subject: of.id } }
}

/** Says how changes of endpoints or deployments end: what was made or changed has succeeded. */
export function defineChanges(region: Region, operation: string): void {
  for (const kind of [`${operation}_create_or_update`, `${operation}_update`]) {
    region.operations.define(kind, ({ subject }) => {
      const found = region.resources.get(subject)
      // What is to go meanwhile stays on its way out.
      if (found !== undefined && !isLeaving(found)) {
        settle(region, subject, { provisioningState: 'Succeeded' })
      }
      return { status: 'Succeeded' }
    })
  }
}

/** Changes properties of what is there, in nobody's name. Only inside a write. */
export function settle(region: Region, id: string, change: Values): void {
  const found = region.resources.get(id)
  if (found === undefined) return
  const properties = { ...propertiesIn(found), ...change }
  region.resources.put(id, { ...found.body, properties }, found.modifiedBy)
}
