import { ARM_AUDIENCE, type AzureReply, STORAGE_AUDIENCE } from '../../azure/exchange.ts'
import type { Azure } from '../../azure/open-azure.ts'
import { Fault } from '../../core/errors.ts'
import type { Plane } from '../../core/health.ts'
import type { Side } from '../../core/model.ts'
import type { Question } from '../../engine/prober.ts'
import { ML_API } from '../../services/arm-body.ts'
import type { Place } from '../../services/service.ts'

/** Planes that are probed on each side. */
export const PROBED: readonly Plane[] = ['signin', 'control', 'history', 'data']

/** Where everybody can look whether it reaches anything at all: the list of clouds, which no region serves. */
const OUTSIDE = 'https://management.azure.com/metadata/endpoints?api-version=2022-09-01'
const AUTHORITY = 'https://login.microsoftonline.com'

/** Asks something that is in no region. It throws where this process is cut off itself. */
export async function reachesOutside(azure: Azure, signal: AbortSignal, url = OUTSIDE): Promise<void> {
  demandAnswer(await azure.probe({ method: 'GET', url, signal }), url)
}

/** The questions of one side, one a plane: the cheapest read that its everyday work depends on. */
export function questionsOf(azure: Azure, side: Side, place: Place): readonly Question[] {
  const account = place.storageAccount.slice(place.storageAccount.lastIndexOf('/') + 1)
  const root = `https://${place.location}.api.azureml.ms`
  const tenant = process.env['AZURE_TENANT_ID'] ?? 'common'
  const urls: Readonly<Partial<Record<Plane, readonly [url: string, audience: string]>>> = {
    signin: [`${AUTHORITY}/${tenant}/v2.0/.well-known/openid-configuration`, ARM_AUDIENCE],
    control: [`https://management.azure.com${place.workspace}?api-version=${ML_API}`, ARM_AUDIENCE],
    history: [`${root}/mlflow/v1.0${place.workspace}/api/2.0/mlflow/experiments/get?experiment_id=0`, ARM_AUDIENCE],
    data: [`https://${account}.blob.core.windows.net/azureml?restype=container`, STORAGE_AUDIENCE],
  }
  return PROBED.flatMap((plane) => {
    const [url, audience] = urls[plane] ?? []
    if (url === undefined || audience === undefined) return []
    return [{ side, plane, ask: async (signal) => ask(azure, { url, audience, signal }) }]
  })
}

async function ask(azure: Azure, { url, audience, signal }: { url: string; audience: string; signal: AbortSignal }) {
  const headers = audience === STORAGE_AUDIENCE ? { 'x-ms-version': '2023-11-03' } : {}
  // Storage answers in XML where it answers with a body, so its head must do.
  const method = audience === STORAGE_AUDIENCE ? 'HEAD' : 'GET'
  const answer = await azure.probe({ method, url, audience, headers, signal })
  demandAnswer(answer, url)
  const date = Date.parse(answer.headers['date'] ?? '')
  return Number.isNaN(date) ? {} : { sourceTime: date }
}

/** Anything but a failure of the service is an answer: who refuses, or finds nothing, is there. */
function demandAnswer(answer: AzureReply, url: string): void {
  if (answer.status < 500) return
  throw new Fault('azure/unreachable', `${new URL(url).host} answered ${answer.status}`, {
    facts: { status: answer.status },
  })
}
