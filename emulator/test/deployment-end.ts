import { setTimeout as sleep } from 'node:timers/promises'
import type { AzureClient } from './azure-client.ts'

/** Properties of a deployment once it is at its end. `path` starts below the subscription. */
export async function deploymentEnd(client: AzureClient, path: string): Promise<Record<string, unknown>> {
  for (;;) {
    const { body } = await client.arm('GET', path)
    const properties = body['properties'] as Record<string, unknown>
    if (!['Accepted', 'Running'].includes(String(properties['provisioningState']))) return properties
    await sleep(50)
  }
}
