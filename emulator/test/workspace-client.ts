import type { AzureClient } from './azure-client.ts'

/** A workspace of a test, and what is below it, by paths from its own id on. */
export interface WorkspaceClient {
  /** Makes the workspace, or something in it. Throws where that is not accepted. */
  made(path: string, properties: unknown): Promise<void>
  /** Properties of what is there; none of what is not. */
  propertiesOf(path: string): Promise<Record<string, unknown>>
}

/** `azure` is asked for at each call, so that a test may open it later. */
export function workspaceClient(azure: () => AzureClient, workspace: string): WorkspaceClient {
  return {
    made: async (path, properties) => {
      const identity = { type: 'SystemAssigned' }
      const answer = await azure().arm('PUT', `${workspace}${path}`, { location: 'eastus2', identity, properties })
      if (answer.status > 201) throw new Error(`${path} answered ${answer.status}: ${JSON.stringify(answer.body)}`)
    },
    propertiesOf: async (path) =>
      ((await azure().arm('GET', `${workspace}${path}`)).body['properties'] ?? {}) as Record<string, unknown>,
  }
}
