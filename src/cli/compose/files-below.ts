import type { Azure } from '../../azure/open-azure.ts'
import { azureAccount } from '../../blobs/azure.ts'
import type { Artifacts } from '../../mlflow/artifacts.ts'
import { localArtifacts } from '../../mlflow/local-artifacts.ts'
import { isStorage, storageArtifacts } from '../../services/run/storage-artifacts.ts'

type Environment = Readonly<Record<string, string | undefined>>

/** What reaches files that a server leaves to its clients, below folders of this machine and of Azure's storage that a person named. */
export function artifactsBelow(folders: readonly string[], azure: Azure | undefined): readonly Artifacts[] {
  const here = folders.filter((folder) => !isStorage(folder))
  const local = here.length === 0 ? [] : [localArtifacts(here)]
  if (azure === undefined) return local
  const { tokens, transport } = azure
  const accountOf = (account: string) => {
    const accountKey = keyOf(account, process.env)
    return azureAccount({ account, credential: accountKey ?? tokens.credential, transport })
  }
  return [...local, storageArtifacts(folders.filter(isStorage), accountOf)]
}

/**
 * The key of an account where the environment has one for MLflow's client; otherwise one signs in.
 * https://mlflow.org/docs/latest/self-hosting/architecture/artifact-store/
 */
export function keyOf(account: string, env: Environment): { readonly accountKey: string } | undefined {
  const fields = (env['AZURE_STORAGE_CONNECTION_STRING'] ?? '').split(';').map((field): readonly [string, string] => {
    const mark = field.indexOf('=')
    return [field.slice(0, mark).trim().toLowerCase(), field.slice(mark + 1).trim()]
  })
  const { accountname, accountkey } = Object.fromEntries(fields)
  if (accountname?.toLowerCase() === account && accountkey) return { accountKey: accountkey }
  const { AZURE_STORAGE_ACCESS_KEY: key } = env
  return key ? { accountKey: key } : undefined
}
