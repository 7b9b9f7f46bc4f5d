import { Refusal } from '../../refusal.ts'
import type { Region } from '../../region.ts'

/** The fields of a deployment that name assets. */
export interface AssetFields {
  readonly model?: unknown
  readonly environmentId?: unknown
  readonly codeConfiguration?: unknown
  readonly component?: unknown
}

/** Refuses a deployment whose model, environment or code is not there. A registry's and the vendor's own are not asked for. */
export function needAssets(region: Region, deployment: string, fields: AssetFields): void {
  const code = fields.codeConfiguration as { readonly codeId?: unknown } | null | undefined
  const references = {
    model: fields.model,
    environmentId: fields.environmentId,
    'codeConfiguration.codeId': code?.codeId,
    componentId: fields.component,
  }
  const workspace = deployment.split('/').slice(0, 9).join('/')
  for (const [field, reference] of Object.entries(references)) {
    const id = idOf(workspace, reference)
    if (id === undefined || (id.toLowerCase().startsWith(`${workspace}/`.toLowerCase()) && region.resources.get(id))) {
      continue
    }
    throw new Refusal(
      400,
      'UserError',
      `The field 'properties.${field}' refers to '${reference}', which was not found.`,
    )
  }
}

/** ARM id of a version in this cloud; `undefined` for anything else. */
function idOf(workspace: string, reference: unknown): string | undefined {
  if (typeof reference !== 'string') return undefined
  const plain = reference.replace(/^azureml:(?=\/(?!\/))/i, '')
  const long = /^azureml:\/\/(?:subscriptions\/.*|locations\/[^/]+)\/workspaces\/[^/]+\/(.*\/versions\/[^/]+)$/i.exec(
    plain,
  )
  if (long !== null) return `${workspace}/${long[1]}`
  if (!plain.startsWith('/') || !/\/versions\/[^/]+$/.test(plain)) return undefined
  return /\/environments\/AzureML-/i.test(plain) ? undefined : plain
}
