import type { Handler } from '../call.ts'
import type { Region } from '../region.ts'
import { asking, type Route } from '../router.ts'
import { scopeOf } from './scope.ts'
import { listOf, objectOf } from './values.ts'

const SCOPE = '/subscriptions/:s/resourceGroups/:g/providers/Microsoft.MachineLearningServices/workspaces/:w'

/** Where the bytes of data and model assets are, asked by asset id when a job's outputs are downloaded. */
export function assetUriRoutes(region: Region): readonly Route[] {
  return [
    [
      'POST',
      `/data/v1.0${SCOPE}/dataversion/batchGetResolvedUris`,
      'data_version_batch_get_resolved_uris',
      asking(resolved(region, { segment: 'data', property: 'dataUri', type: 'dataType', as: 'uri' })),
    ],
    [
      'POST',
      `/modelregistry/v1.0${SCOPE}/models/batchGetResolvedUris`,
      'models_batch_get_resolved_uris',
      asking(resolved(region, { segment: 'models', property: 'modelUri', type: 'modelType', as: 'path' })),
    ],
  ]
}

interface Shape {
  readonly segment: string
  readonly property: string
  readonly type: string
  /** Field of the answer that holds the URI. */
  readonly as: string
}

function resolved(region: Region, shape: Shape): Handler {
  return async (call) => {
    const { workspace } = scopeOf(region, call)
    const ids = listOf(objectOf(await call.json())['values']).map(String)
    const values = ids.flatMap((id) => {
      const properties = propertiesOf(region, workspace, { id, segment: shape.segment })
      if (properties === undefined) return []
      return [[id, { [shape.as]: properties[shape.property] ?? null, type: properties[shape.type] ?? null }]]
    })
    return { status: 200, body: { values: Object.fromEntries(values) } }
  }
}

/**
 * Properties of the asset that an id names: an ARM id, `azureml://…/data/{name}/versions/{version}` or
 * `{name}:{version}`.
 */
function propertiesOf(
  region: Region,
  workspace: string,
  asset: { readonly id: string; readonly segment: string },
): Readonly<Record<string, unknown>> | undefined {
  const [, name, version] = /([^/:]+)\/versions\/([^/]+)$/.exec(asset.id) ?? /([^/:]+):([^/:]+)$/.exec(asset.id) ?? []
  const found = region.resources.get(`${workspace}/${asset.segment}/${name}/versions/${version}`)
  return found?.body['properties'] as Readonly<Record<string, unknown>> | undefined
}
