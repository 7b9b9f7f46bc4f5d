import { Refusal } from '../../refusal.ts'
import type { Region } from '../../region.ts'
import type { Account } from '../accounts.ts'

export const NAMESPACE = 'Microsoft.Storage'
export const TYPE = `${NAMESPACE}/storageAccounts`
export const SUBSCRIPTION = `/subscriptions/:s/providers/${NAMESPACE}`
export const GROUP = `/subscriptions/:s/resourceGroups/:g/providers/${NAMESPACE}`
export const ACCOUNT = `${GROUP}/storageAccounts/:account`

export type Params = Readonly<Record<string, string>>

/** ARM id of the account that a path is about, as it is sent. */
export function accountIdOf(params: Params): string {
  const { s, g, account } = params
  return `/subscriptions/${s}/resourceGroups/${g}/providers/${TYPE}/${account}`
}

/** The account that a path is about, or ARM's refusal. */
export function accountOf(region: Region, params: Params): Account {
  const resource = region.resources.need(accountIdOf(params))
  const account = region.blobs.accounts.get(resource.name.toLowerCase())
  if (account === undefined) throw new Refusal(404, 'ResourceNotFound', `The account ${resource.name} has no data.`)
  return account
}
