import { Refusal } from '../refusal.ts'

type Properties = Readonly<Record<string, unknown>>

/** What is particular to one of the five kinds of versioned assets. */
export interface AssetKind {
  /** Segment of the path: `/workspaces/{w}/models/{name}/versions/{version}`. */
  readonly segment: string
  /** First part of the vendor's operation names: `model` in `model_versions_get`. */
  readonly operation: string
  /** Properties of a version that may change; all others are fixed when it is made. */
  readonly changeable: ReadonlySet<string>
  /** At least one of these properties must be there. */
  readonly needs: readonly string[]
  /** What a version says where its maker said nothing. */
  readonly defaults: Properties
  /** What was sent, with the defaults of what is inside its properties. `as` is where it was sent to. */
  complete(sent: Properties, as: { readonly name: string; readonly version: string }): Properties
  /** True where lists leave archived things out unless asked. */
  readonly archives: boolean
  /** The answer to a PUT that would change what is fixed. */
  fixed(name: string, version: string): Refusal
}

const USUAL = ['description', 'tags', 'isArchived', 'displayName', 'stage', 'autoDeleteSetting', 'properties']
const asSent = (sent: Properties) => sent
const ANY = { description: null, tags: {}, properties: {}, isAnonymous: false, isArchived: false }

/** Texts as users of the service have reported them (azure-cli-extensions#5440, azureml-assets#3439). */
export const ASSET_KINDS: readonly AssetKind[] = [
  {
    segment: 'codes',
    operation: 'code',
    changeable: new Set(USUAL),
    needs: ['codeUri'],
    defaults: ANY,
    complete: asSent,
    archives: false,
    fixed: () => pathRefusal(),
  },
  {
    segment: 'environments',
    operation: 'environment',
    changeable: new Set(USUAL),
    needs: ['image', 'build'],
    defaults: { ...ANY, environmentType: 'UserCreated', osType: 'Linux' },
    complete: withDockerfile,
    archives: true,
    fixed: (name, version) => registered('Environment', name, version),
  },
  {
    segment: 'data',
    operation: 'data',
    changeable: new Set(USUAL),
    needs: ['dataUri'],
    defaults: ANY,
    complete: asSent,
    archives: true,
    fixed: () =>
      new Refusal(
        400,
        'UserError',
        'A data version with this name and version already exists. If you are trying to create a new data version, use a different name or version. ' +
          "If you are trying to update an existing data version, the existing asset's data uri cannot be changed. Only tags, description, and isArchived can be updated.",
      ),
  },
  {
    segment: 'models',
    operation: 'model',
    changeable: new Set(USUAL),
    needs: ['modelUri'],
    defaults: { ...ANY, modelType: 'custom_model', flavors: {} },
    complete: asSent,
    archives: true,
    fixed: () => pathRefusal(),
  },
  {
    segment: 'components',
    operation: 'component',
    changeable: new Set(USUAL),
    needs: ['componentSpec'],
    defaults: ANY,
    complete: withName,
    archives: true,
    fixed: (name, version) => registered('Component', name, version),
  },
]

/** A build context names its Dockerfile (`BuildContext` of the vendor's specification). */
function withDockerfile(sent: Properties): Properties {
  const build = sent['build']
  if (typeof build !== 'object' || build === null) return sent
  const { dockerfilePath, ...rest } = build as Properties
  return { ...sent, build: { ...rest, dockerfilePath: dockerfilePath ?? 'Dockerfile' } }
}

/** The SDK looks for exactly these words (`ASSET_PATH_ERROR` in azure-ai-ml). */
function pathRefusal(): Refusal {
  return new Refusal(400, 'UserError', 'Asset paths cannot be updated.')
}

/** 409, because the SDK then takes the next version (`_try_update_latest_version` in azure-ai-ml). */
function registered(kind: string, name: string, version: string): Refusal {
  return new Refusal(
    409,
    'UserError',
    `${kind} ${name} with version ${version} is already registered and cannot be changed.`,
  )
}

/** A component's spec says its name and version: azure-ai-ml reads them there, and nowhere else. */
function withName(sent: Properties, as: { readonly name: string; readonly version: string }): Properties {
  const spec = sent['componentSpec']
  if (typeof spec !== 'object' || spec === null) return sent
  return { ...sent, componentSpec: { ...as, ...spec } }
}
