import { openAzure } from '../../azure/open-azure.ts'
import { surroundingsOf } from '../../azure/transport.ts'
import { readNames } from '../../services/place.ts'
import { demandOwnCloud } from './own-cloud.ts'

const PATIENCE_MILLISECONDS = 60_000

/** A workspace as Azure spells it, before there is a protection of it. `undefined` where there is none. */
export async function findWorkspace(id: string): Promise<{ workspace: string; location: string } | undefined> {
  demandOwnCloud(id)
  const azure = openAzure({ surroundings: surroundingsOf(process.env) })
  try {
    return await readNames(azure.arm, id, { signal: AbortSignal.timeout(PATIENCE_MILLISECONDS) })
  } finally {
    azure.close()
  }
}
