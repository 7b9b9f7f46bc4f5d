import {
  AccountSASPermissions,
  AnonymousCredential,
  BlobSASPermissions,
  BlobServiceClient,
  ContainerSASPermissions,
  generateAccountSASQueryParameters,
  generateBlobSASQueryParameters,
  type SASQueryParameters,
  StorageSharedKeyCredential,
  type UserDelegationKey,
} from '@azure/storage-blob'
import { ask, each, type Place, type Step } from './step.ts'

const HOUR = 3600 * 1000
const LETTERS = 'racwdltx'
/** The same on both sides and in every request, so that what is signed is the same. */
const TIMES = { startsOn: new Date(Date.now() - HOUR), expiresOn: new Date(Date.now() + HOUR) }

/** The service as somebody sees it who holds only this. */
function holding({ account, options }: Place, sas: SASQueryParameters | string): BlobServiceClient {
  const url = `https://${account}.blob.core.windows.net?${sas}`
  return new BlobServiceClient(url, new AnonymousCredential(), options)
}

/** One of everything that a permission may open. */
async function everything(service: BlobServiceClient): Promise<void> {
  const there = service.getContainerClient('access')
  const blob = there.getBlockBlobClient('there')
  await ask(blob.download())
  await ask(blob.getProperties())
  await ask(blob.upload('new', 3))
  await ask(there.getBlockBlobClient('fresh').upload('new', 3))
  await ask(blob.stageBlock('YQ==', 'x', 1))
  await ask(blob.setMetadata({ a: 'b' }))
  await ask(blob.getTags())
  await ask(there.getAppendBlobClient('log').appendBlock('x', 1))
  await each(there.listBlobsFlat({ prefix: 'none' }).byPage())
  await ask(there.getBlobClient('fresh').delete())
}

async function prepared({ service }: Place): Promise<void> {
  const there = service.getContainerClient('access')
  await ask(there.createIfNotExists())
  await ask(there.getBlockBlobClient('there').upload('there', 5))
  await ask(there.getAppendBlobClient('log').create())
}

function withEachLetter(kind: string, make: (place: Place, letters: string) => Promise<SASQueryParameters>): Step[] {
  return [...[...LETTERS], LETTERS].map((letters) => [
    `${kind} with ${letters}`,
    async (place) => {
      await prepared(place)
      await everything(holding(place, await make(place, letters)))
    },
  ])
}

async function containerSas({ credential }: Place, letters: string): Promise<SASQueryParameters> {
  const permissions = ContainerSASPermissions.parse(letters)
  return generateBlobSASQueryParameters({ containerName: 'access', permissions, ...TIMES }, credential)
}

async function accountSas({ credential }: Place, letters: string): Promise<SASQueryParameters> {
  const permissions = AccountSASPermissions.parse(letters)
  return generateAccountSASQueryParameters({ permissions, services: 'b', resourceTypes: 'co', ...TIMES }, credential)
}

async function delegatedSas({ signedIn, account }: Place, letters: string): Promise<SASQueryParameters> {
  const key = await signedIn.getUserDelegationKey(TIMES.startsOn, TIMES.expiresOn)
  const permissions = ContainerSASPermissions.parse(letters)
  return generateBlobSASQueryParameters({ containerName: 'access', permissions, ...TIMES }, key, account)
}

/** Who may do what: keys, tokens, signatures of every sort with each permission alone, and what is beyond them. */
export const ACCESS_STEPS: readonly Step[] = [
  ...withEachLetter('a SAS of a container', containerSas),
  ...withEachLetter('a SAS of an account', accountSas),
  ...withEachLetter('a SAS of a user', delegatedSas),
  [
    'a SAS of one blob',
    async (place) => {
      await prepared(place)
      const permissions = BlobSASPermissions.parse('rw')
      const values = { containerName: 'access', blobName: 'there', permissions, ...TIMES }
      await everything(holding(place, generateBlobSASQueryParameters(values, place.credential)))
    },
  ],
  [
    'a SAS beyond its scope',
    async (place) => {
      await prepared(place)
      const service = holding(place, await containerSas(place, LETTERS))
      await ask(service.getContainerClient('access').getProperties())
      await ask(service.getContainerClient('access').delete())
      await ask(service.getContainerClient('other').getBlobClient('x').getProperties())
      await ask(service.getProperties())
      await each(service.listContainers().byPage())
      const objects = { permissions: AccountSASPermissions.parse('rwdl'), services: 'b', resourceTypes: 'o', ...TIMES }
      const account = holding(place, generateAccountSASQueryParameters(objects, place.credential))
      await ask(account.getContainerClient('access').getProperties())
      await each(account.listContainers().byPage())
      const queues = { ...objects, services: 'q', resourceTypes: 'sco' }
      await ask(
        holding(place, generateAccountSASQueryParameters(queues, place.credential))
          .getContainerClient('access')
          .getProperties(),
      )
    },
  ],
  [
    'a SAS out of its time, forged, or foreign',
    async (place) => {
      await prepared(place)
      const permissions = ContainerSASPermissions.parse('r')
      const read = (sas: SASQueryParameters | string) =>
        ask(holding(place, sas).getContainerClient('access').getBlobClient('there').getProperties())
      const values = { containerName: 'access', permissions, ...TIMES }
      const over = { ...values, expiresOn: new Date(Date.now() - HOUR / 2) }
      await read(generateBlobSASQueryParameters(over, place.credential))
      const early = { ...values, startsOn: new Date(Date.now() + HOUR / 2) }
      await read(generateBlobSASQueryParameters(early, place.credential))
      const good = generateBlobSASQueryParameters(values, place.credential).toString()
      await read(good.replace('sp=r', 'sp=rw'))
      await read(good.replace(/sig=[^&]*/, 'sig=AAAA'))
      const foreign = new StorageSharedKeyCredential(place.account, Buffer.alloc(64, 1).toString('base64'))
      await read(generateBlobSASQueryParameters(values, foreign))
    },
  ],
  [
    'a stored policy',
    async (place) => {
      await prepared(place)
      const there = place.service.getContainerClient('access')
      const accessPolicy = { permissions: 'r', ...TIMES }
      await ask(there.setAccessPolicy(undefined, [{ id: 'reader', accessPolicy }]))
      const held = { containerName: 'access', identifier: 'reader' }
      await everything(holding(place, generateBlobSASQueryParameters(held, place.credential)))
      const absent = { containerName: 'access', identifier: 'nobody' }
      await ask(
        holding(place, generateBlobSASQueryParameters(absent, place.credential))
          .getContainerClient('access')
          .getBlobClient('there')
          .getProperties(),
      )
      await ask(there.setAccessPolicy(undefined, []))
      await everything(holding(place, generateBlobSASQueryParameters(held, place.credential)))
    },
  ],
  [
    'keys and tokens',
    async (place) => {
      await prepared(place)
      await everything(place.signedIn)
      const url = `https://${place.account}.blob.core.windows.net`
      const wrong = new StorageSharedKeyCredential(place.account, Buffer.alloc(64, 1).toString('base64'))
      await ask(new BlobServiceClient(url, wrong, place.options).getProperties())
      await everything(new BlobServiceClient(url, new AnonymousCredential(), place.options))
      const forged: UserDelegationKey = {
        signedObjectId: '10000000-0000-4000-8000-000000000000',
        signedTenantId: '10000000-0000-4000-8000-000000000000',
        signedStartsOn: TIMES.startsOn,
        signedExpiresOn: TIMES.expiresOn,
        signedService: 'b',
        signedVersion: '2024-11-04',
        value: Buffer.alloc(32, 1).toString('base64'),
      }
      const permissions = ContainerSASPermissions.parse('r')
      const values = { containerName: 'access', permissions, ...TIMES }
      const sas = generateBlobSASQueryParameters(values, forged, place.account)
      await ask(holding(place, sas).getContainerClient('access').getBlobClient('there').getProperties())
    },
  ],
]
