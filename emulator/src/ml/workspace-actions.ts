import { createHash } from 'node:crypto'
import { propertiesOf } from '../arm/envelope.ts'
import { pollingHeaders } from '../arm/operations.ts'
import type { Handler } from '../call.ts'
import type { Region } from '../region.ts'
import type { Route } from '../router.ts'
import { WORKSPACE, workspaceIdOf } from './paths.ts'
import { accountKeyOf } from './storage-of.ts'
import { workspaceOf } from './workspace-of.ts'

/** What can be asked of a workspace beside its own properties. */
export function workspaceActionRoutes(region: Region): readonly Route[] {
  region.operations.define('workspaces_diagnose', () => ({ status: 'Succeeded', result: { value: HEALTHY } }))
  region.operations.define('workspaces_resync_keys', () => ({ status: 'Succeeded' }))
  region.operations.define('workspaces_prepare_notebook', ({ subject }) => ({
    status: 'Succeeded',
    result: notebookOf(region, subject),
  }))
  return [
    ['POST', `${WORKSPACE}/listKeys`, 'workspaces_list_keys', listKeys(region)],
    ['POST', `${WORKSPACE}/listStorageAccountKeys`, 'workspaces_list_storage_account_keys', storageKeys(region)],
    ['POST', `${WORKSPACE}/listNotebookAccessToken`, 'workspaces_list_notebook_access_token', notebookToken(region)],
    ['POST', `${WORKSPACE}/listNotebookKeys`, 'workspaces_list_notebook_keys', notebookKeys(region)],
    ['POST', `${WORKSPACE}/diagnose`, 'workspaces_diagnose', begun(region, 'workspaces_diagnose')],
    ['POST', `${WORKSPACE}/resyncKeys`, 'workspaces_resync_keys', begun(region, 'workspaces_resync_keys')],
    [
      'POST',
      `${WORKSPACE}/prepareNotebook`,
      'workspaces_prepare_notebook',
      begun(region, 'workspaces_prepare_notebook'),
    ],
    [
      'GET',
      `${WORKSPACE}/outboundNetworkDependenciesEndpoints`,
      'workspaces_list_outbound_network_dependencies_endpoints',
      outbound(region),
    ],
  ]
}

/** The SDK reads every one of these lists; one that is absent ends it. */
const HEALTHY = {
  userDefinedRouteResults: [],
  networkSecurityRuleResults: [],
  resourceLockResults: [],
  dnsResolutionResults: [],
  storageAccountResults: [],
  keyVaultResults: [],
  containerRegistryResults: [],
  applicationInsightsResults: [],
  otherResults: [],
}

function begun(region: Region, kind: string): Handler {
  return (call, params) => {
    const { id } = workspaceOf(region, workspaceIdOf(params))
    return call.commit(() => {
      const operation = region.operations.start({ kind, subject: id })
      const headers = pollingHeaders(call, operation, { location: region.name, polling: 'location' })
      return { status: 202, headers, note: { subject: id } }
    })
  }
}

function listKeys(region: Region): Handler {
  return (_call, params) => {
    const workspace = workspaceOf(region, workspaceIdOf(params))
    const properties = propertiesOf(region.resources.need(workspace.id).body)
    const insights = properties['applicationInsights']
    return {
      status: 200,
      body: {
        userStorageKey: accountKeyOf(region, workspace.storageAccount),
        userStorageResourceId: workspace.storageAccountId,
        appInsightsInstrumentationKey: typeof insights === 'string' ? instrumentationKey(region, insights) : null,
        containerRegistryCredentials: null,
        notebookAccessKeys: keysOf(workspace.workspaceId),
      },
    }
  }
}

function instrumentationKey(region: Region, insights: string): unknown {
  const found = region.resources.get(insights)
  return found === undefined ? null : (propertiesOf(found.body)['InstrumentationKey'] ?? null)
}

function storageKeys(region: Region): Handler {
  return (_call, params) => {
    const { storageAccount } = workspaceOf(region, workspaceIdOf(params))
    return { status: 200, body: { userStorageKey: accountKeyOf(region, storageAccount) } }
  }
}

function notebookToken(region: Region): Handler {
  return async (call, params) => {
    const workspace = workspaceOf(region, workspaceIdOf(params))
    const { fqdn, resourceId } = notebookOf(region, workspace.id)
    const audience = 'https://management.azure.com'
    const accessToken = await region.tokens.issue({ subject: call.caller.id, audience, lifetimeSeconds: 3600 })
    const more = { tokenType: 'Bearer', scope: 'aznb_identity', expiresIn: 3600, refreshToken: '' }
    return {
      status: 200,
      body: { notebookResourceId: resourceId, hostName: fqdn, publicDns: fqdn, accessToken, ...more },
    }
  }
}

function notebookKeys(region: Region): Handler {
  return (_call, params) => ({ status: 200, body: keysOf(workspaceOf(region, workspaceIdOf(params)).workspaceId) })
}

function keysOf(workspaceId: string): { primaryAccessKey: string; secondaryAccessKey: string } {
  const key = (which: string) => createHash('sha256').update(`${which} ${workspaceId}`).digest('hex')
  return { primaryAccessKey: key('primary'), secondaryAccessKey: key('secondary') }
}

function notebookOf(region: Region, workspaceId: string): { fqdn: string; resourceId: string } {
  const info = propertiesOf(region.resources.need(workspaceId).body)['notebookInfo']
  return info as { fqdn: string; resourceId: string }
}

function outbound(region: Region): Handler {
  return (_call, params) => {
    const { storageAccount } = workspaceOf(region, workspaceIdOf(params))
    const to = (category: string, ...hosts: string[]) => ({
      category,
      properties: {
        category,
        endpoints: hosts.map((domainName) => ({ domainName, endpointDetails: [{ port: 443 }] })),
      },
    })
    const value = [
      to('Azure Active Directory', 'login.microsoftonline.com'),
      to('Azure Machine Learning', `${region.name}.api.azureml.ms`),
      to('Azure Resource Manager', 'management.azure.com'),
      to('Azure Storage', `${storageAccount}.blob.core.windows.net`),
    ]
    return { status: 200, body: { value } }
  }
}
