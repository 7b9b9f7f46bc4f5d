import { randomUUID } from 'node:crypto'
import type { Call, Reply } from '../call.ts'
import type { Region } from '../region.ts'
import { containerSasOf } from './storage-of.ts'
import type { Workspace } from './workspace-of.ts'

const LIFETIME_HOURS = 24

/** A workspace or a registry, as far as it has a storage account. */
type Place = Pick<Workspace, 'storageAccount' | 'storageAccountId'>

/** A fresh container for the bytes of an asset, and a signature to write into it. The SDK takes the code's URI from it. */
export function pendingUpload(region: Region, call: Call, place: Place): Promise<Reply> {
  const container = randomUUID()
  const blobUri = `https://${place.storageAccount}.blob.core.windows.net/${container}`
  return call.commit(() => {
    region.blobs.accounts.addContainer(place.storageAccount, container)
    const sas = containerSasOf(region, { account: place.storageAccount, container, hours: LIFETIME_HOURS })
    const body = {
      pendingUploadId: randomUUID(),
      pendingUploadType: 'TemporaryBlobReference',
      blobReferenceForConsumption: {
        blobUri,
        storageAccountArmId: place.storageAccountId,
        credential: { credentialType: 'SAS', sasUri: `${blobUri}?${sas}` },
      },
    }
    return { status: 200, body, note: { subject: `container/${place.storageAccount}/${container}` } }
  })
}
