import { Refusal } from '../refusal.ts'
import type { Region } from '../region.ts'
import { containerSas } from '../storage/sas.ts'

/** First key of a storage account of this region. */
export function accountKeyOf(region: Region, account: string): string {
  const found = region.blobs.account(account.toLowerCase())
  if (found !== undefined) return found.keys[0]
  throw new Refusal(404, 'ResourceNotFound', `The storage account '${account}' was not found in ${region.name}.`)
}

/** A signature for everything in one container, valid for some hours of the region's clock. */
export function containerSasOf(
  region: Region,
  wanted: { readonly account: string; readonly container: string; readonly hours: number; readonly key?: string },
): string {
  const { account, container, hours } = wanted
  return containerSas({
    account,
    key: wanted.key ?? accountKeyOf(region, account),
    container,
    permissions: 'racwdl',
    expires: new Date(region.clock.now() + hours * 3_600_000),
  })
}
