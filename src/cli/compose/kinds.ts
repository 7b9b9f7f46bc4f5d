import type { Kind } from '../../core/model.ts'
import { isServer, type Policy } from '../../core/policy.ts'
import { unreachedServerServices, unreachedServices } from '../../services/unreached.ts'

/** The kinds that are carried between the two sides of a protection: those of the registry. */
export function kindsOf({ primary }: Policy): readonly Kind[] {
  return (isServer(primary) ? unreachedServerServices() : unreachedServices()).map(({ kind }) => kind)
}
