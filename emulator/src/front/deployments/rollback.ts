import type { DeploymentResult } from '../../arm/template/execute/run.ts'
import type { DeploymentRow, DeploymentStore } from '../../arm/template/execute/store.ts'
import { isObject, type JsonObject, property, textAt } from '../../arm/template/json.ts'
import { Refusal } from '../../refusal.ts'

/** Which earlier deployment takes the place of one that fails. Without a name: the last that succeeded. */
export interface OnError {
  readonly type: 'LastSuccessful' | 'SpecificDeployment'
  readonly deploymentName?: string
}

/** Reads `onErrorDeployment`. Only deployments of resource groups may have one, as the vendor's page on rollback says. */
export function onErrorOf(properties: JsonObject, inGroup: boolean): OnError | undefined {
  const wanted = property(properties, 'onErrorDeployment')
  if (wanted === undefined || wanted === null) return undefined
  if (!isObject(wanted)) throw invalid("The property 'onErrorDeployment' must be an object.")
  if (!inGroup) throw invalid("The property 'onErrorDeployment' is for deployments of resource groups.")
  const [type, deploymentName] = [textAt(wanted, 'type') ?? 'LastSuccessful', textAt(wanted, 'deploymentName')]
  if (/^lastsuccessful$/i.test(type) && deploymentName === undefined) return { type: 'LastSuccessful' }
  if (/^specificdeployment$/i.test(type) && deploymentName !== undefined) {
    return { type: 'SpecificDeployment', deploymentName }
  }
  throw invalid(
    `The property 'onErrorDeployment' is not valid: 'LastSuccessful' has no deploymentName, and 'SpecificDeployment' has one; it is '${type}' with '${deploymentName ?? ''}'.`,
  )
}

/** The deployment that a rollback runs again, or why there is none. Those inside other deployments are none. */
export function earlierOf(store: DeploymentStore, failed: DeploymentRow, onError: OnError): DeploymentRow | string {
  const { deploymentName } = onError
  if (deploymentName === undefined) {
    return store.lastSuccessful(failed) ?? 'No earlier deployment of the resource group has succeeded.'
  }
  const id = failed.id.replace(/[^/]+$/, () => deploymentName)
  const found = id.toLowerCase() === failed.id.toLowerCase() ? undefined : store.get(id)
  if (found === undefined) return `The deployment '${deploymentName}' was not found in the history.`
  if (found.state !== 'Succeeded') return `The deployment '${deploymentName}' did not succeed: it is '${found.state}'.`
  if (store.isNested(found)) return `The deployment '${deploymentName}' stands inside another one.`
  return found
}

/** What the answer of the failed deployment tells of its rollback. */
export function told(onError: OnError, name: string | undefined, state: DeploymentResult['state']): JsonObject {
  const deploymentName = name ?? onError.deploymentName
  return {
    type: onError.type,
    ...(deploymentName === undefined ? {} : { deploymentName }),
    provisioningState: state,
  }
}

/** A failure with the reason why nothing took its place. */
export function failing(result: DeploymentResult, reason: string): DeploymentResult {
  if (result.state !== 'Failed') return result
  const { error } = result
  const details = [...(error.details ?? []), { code: 'OnErrorDeploymentFailed', message: reason }]
  return { ...result, error: { ...error, details } }
}

function invalid(message: string): Refusal {
  return new Refusal(400, 'InvalidRequestContent', message)
}
