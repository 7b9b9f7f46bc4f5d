import type { Call, Offer, Reply } from '../../call.ts'
import { notImplemented, Refusal } from '../../refusal.ts'
import type { Needs } from '../authorize.ts'
import { refuseVersion } from '../refusals.ts'
import { headerOf, type StorageRequest } from '../request.ts'
import type { Target } from '../target.ts'
import { submitBatch } from './batch.ts'
import { appendBlock, getBlockList, putBlock, putBlockList, sealBlob } from './blocks.ts'
import {
  containerAccess,
  containerProperties,
  createContainer,
  deleteContainer,
  setContainerAccess,
  setContainerMetadata,
} from './containers.ts'
import { abortCopy, appendFromUrl, copyBlob, copyFromUrl, putBlockFromUrl, putFromUrl } from './copying.ts'
import { findByTags } from './finding.ts'
import { leaseBlob, leaseContainer } from './leases.ts'
import { listBlobs } from './listing.ts'
import { getPageRanges, putPage, putPageBlob, setBlobHeaders } from './pages.ts'
import { blobMetadata, blobProperties, getBlob } from './reading.ts'
import {
  accountInfo,
  getServiceProperties,
  listContainers,
  setServiceProperties,
  userDelegationKey,
} from './service.ts'
import {
  deleteBlob,
  getTags,
  putAppendBlob,
  putBlockBlob,
  setBlobMetadata,
  setTags,
  setTier,
  snapshotBlob,
} from './writing.ts'

/** One operation of the blob service, by the name it has in the vendor's spec. */
export interface Operation {
  readonly name: string
  readonly needs: Needs
  readonly answer: (request: StorageRequest) => Promise<Reply>
}

type Answer = Operation['answer']

function service(name: string, permissions: string, answer?: Answer): Operation {
  return operation(name, { permissions, type: 's' }, answer)
}

function container(name: string, permissions: string, answer?: Answer): Operation {
  return operation(name, { permissions, type: 'c' }, answer)
}

function blob(name: string, permissions: string, answer?: Answer): Operation {
  return operation(name, { permissions, type: 'o' }, answer)
}

/** An operation without an answer is one that Azure has and that is not done here. */
function operation(name: string, needs: Needs, answer: Answer = refused): Operation {
  return { name, needs, answer }
}

function open(from: 'blob' | 'container', one: Operation): Operation {
  return { ...one, needs: { ...one.needs, openFrom: from } }
}

async function refused({ call }: StorageRequest): Promise<Reply> {
  throw notImplemented(call.operation)
}

/** Method, level and `comp` of a request, to its operation. Where headers decide too, {@link operationOf} looks further. */
const TABLE: Readonly<Record<string, Operation>> = {
  'GET service list': service('Service_ListContainersSegment', 'l', listContainers),
  'GET service properties': service('Service_GetProperties', 'r', getServiceProperties),
  'PUT service properties': service('Service_SetProperties', 'w', setServiceProperties),
  'GET service stats': service('Service_GetStatistics', 'r'),
  'GET service account': service('Service_GetAccountInfo', 'r', accountInfo),
  'HEAD service account': service('Service_GetAccountInfo', 'r', accountInfo),
  'POST service userdelegationkey': service('Service_GetUserDelegationKey', '', userDelegationKey),
  'POST service batch': service('Service_SubmitBatch', 'rwd', submitBatch),
  'GET service blobs': service('Service_FilterBlobs', 'f', findByTags),

  'PUT container ': container('Container_Create', 'cw', createContainer),
  'GET container ': open('container', container('Container_GetProperties', 'r', containerProperties)),
  'HEAD container ': open('container', container('Container_GetProperties', 'r', containerProperties)),
  'DELETE container ': container('Container_Delete', 'd', deleteContainer),
  'GET container metadata': open('container', container('Container_GetProperties', 'r', containerProperties)),
  'HEAD container metadata': open('container', container('Container_GetProperties', 'r', containerProperties)),
  'PUT container metadata': container('Container_SetMetadata', 'w', setContainerMetadata),
  'GET container acl': container('Container_GetAccessPolicy', '', containerAccess),
  'HEAD container acl': container('Container_GetAccessPolicy', '', containerAccess),
  'PUT container acl': container('Container_SetAccessPolicy', '', setContainerAccess),
  'PUT container lease': container('Container_Lease', 'w', leaseContainer),
  'GET container list': open('container', container('Container_ListBlobs', 'l', listBlobs)),
  'GET container account': container('Container_GetAccountInfo', 'r', accountInfo),
  'HEAD container account': container('Container_GetAccountInfo', 'r', accountInfo),
  'PUT container undelete': container('Container_Restore', 'w'),
  'PUT container rename': container('Container_Rename', 'w'),
  'POST container batch': container('Container_SubmitBatch', 'rwd', submitBatch),
  'GET container blobs': container('Container_FilterBlobs', 'f', findByTags),

  'GET blob ': open('blob', blob('Blob_Download', 'r', getBlob)),
  'HEAD blob ': open('blob', blob('Blob_GetProperties', 'r', blobProperties)),
  'DELETE blob ': blob('Blob_Delete', 'd', deleteBlob),
  'GET blob metadata': open('blob', blob('Blob_GetMetadata', 'r', blobMetadata)),
  'HEAD blob metadata': open('blob', blob('Blob_GetMetadata', 'r', blobMetadata)),
  'PUT blob metadata': blob('Blob_SetMetadata', 'w', setBlobMetadata),
  'PUT blob properties': blob('Blob_SetHttpHeaders', 'w', setBlobHeaders),
  'PUT blob lease': blob('Blob_Lease', 'w', leaseBlob),
  'PUT blob snapshot': blob('Blob_CreateSnapshot', 'cw', snapshotBlob),
  'PUT blob block': blob('BlockBlob_StageBlock', 'cw', putBlock),
  'PUT blob blocklist': blob('BlockBlob_CommitBlockList', 'cw', putBlockList),
  'GET blob blocklist': open('blob', blob('BlockBlob_GetBlockList', 'r', getBlockList)),
  'PUT blob appendblock': blob('AppendBlob_AppendBlock', 'aw', appendBlock),
  'PUT blob copy': blob('Blob_AbortCopyFromURL', 'cw', abortCopy),
  'PUT blob tier': blob('Blob_SetTier', 'w', setTier),
  'GET blob tags': blob('Blob_GetTags', 't', getTags),
  'PUT blob tags': blob('Blob_SetTags', 't', setTags),
  'GET blob account': blob('Blob_GetAccountInfo', 'r', accountInfo),
  'HEAD blob account': blob('Blob_GetAccountInfo', 'r', accountInfo),
  'PUT blob page': blob('PageBlob_UploadPages', 'w', putPage),
  'GET blob pagelist': open('blob', blob('PageBlob_GetPageRanges', 'r', getPageRanges)),
  'PUT blob incrementalcopy': blob('PageBlob_CopyIncremental', 'w'),
  'PUT blob seal': blob('AppendBlob_Seal', 'aw', sealBlob),
  'PUT blob undelete': blob('Blob_Undelete', 'w'),
  'PUT blob expiry': blob('Blob_SetExpiry', 'w'),
  'PUT blob immutabilitypolicies': blob('Blob_SetImmutabilityPolicy', 'i'),
  'DELETE blob immutabilitypolicies': blob('Blob_DeleteImmutabilityPolicy', 'i'),
  'PUT blob legalhold': blob('Blob_SetLegalHold', 'i'),
  'POST blob query': blob('Blob_Query', 'r'),
}

const PUT_BLOCK_BLOB = blob('BlockBlob_Upload', 'cw', putBlockBlob)
const PUT_APPEND_BLOB = blob('AppendBlob_Create', 'cw', putAppendBlob)
const PUT_PAGE_BLOB = blob('PageBlob_Create', 'cw', putPageBlob)
const PUT_FROM_URL = blob('BlockBlob_PutBlobFromUrl', 'cw', putFromUrl)
const COPY = blob('Blob_StartCopyFromURL', 'cw', copyBlob)
const COPY_FROM_URL = blob('Blob_CopyFromURL', 'cw', copyFromUrl)
const BLOCK_FROM_URL = blob('BlockBlob_StageBlockFromURL', 'cw', putBlockFromUrl)
const APPEND_FROM_URL = blob('AppendBlob_AppendBlockFromUrl', 'aw', appendFromUrl)
const PAGES_FROM_URL = blob('PageBlob_UploadPagesFromURL', 'w')
const BREAK_BLOB_LEASE = blob('Blob_BreakLease', 'wd', leaseBlob)
const BREAK_CONTAINER_LEASE = container('Container_BreakLease', 'wd', leaseContainer)

const BY_HEADERS: readonly (readonly [request: string, operation: Operation])[] = [
  ['PUT blob  with x-ms-blob-type BlockBlob', PUT_BLOCK_BLOB],
  ['PUT blob  with x-ms-blob-type AppendBlob', PUT_APPEND_BLOB],
  ['PUT blob  with x-ms-blob-type PageBlob', PUT_PAGE_BLOB],
  ['PUT blob  with x-ms-blob-type BlockBlob and x-ms-copy-source', PUT_FROM_URL],
  ['PUT blob  with x-ms-copy-source', COPY],
  ['PUT blob  with x-ms-copy-source and x-ms-requires-sync', COPY_FROM_URL],
  ['PUT blob block with x-ms-copy-source', BLOCK_FROM_URL],
  ['PUT blob appendblock with x-ms-copy-source', APPEND_FROM_URL],
  ['PUT blob lease with x-ms-lease-action break', BREAK_BLOB_LEASE],
  ['PUT container lease with x-ms-lease-action break', BREAK_CONTAINER_LEASE],
]

const LEVELS: Readonly<Record<string, string>> = { service: '/', container: '/:container', blob: '/:container/:blob' }

/** Everything that the blob service has, in the tables of this file. */
export const BLOB_OFFERS: readonly Offer[] = [...Object.entries(TABLE), ...BY_HEADERS].map(
  ([request, { name, answer }]) => {
    const [method = '', level = '', comp = '', ...others] = request.split(' ')
    const query = comp === '' ? '' : `?comp=${comp}`
    return {
      operation: name,
      method,
      path: [`${LEVELS[level]}${query}`, ...others].join(' '),
      served: answer !== refused,
    }
  },
)

/** Operations that may name a snapshot. It never changes otherwise. */
const OF_SNAPSHOTS = /^(?:GET|HEAD|POST) |^DELETE blob $|^PUT blob (?:tier|tags)$/

/** The operation that a request asks for. */
export function operationOf(call: Call, target: Target): Operation {
  const comp = call.query.get('restype') === 'account' ? 'account' : (call.query.get('comp') ?? '').toLowerCase()
  const asked = `${call.method} ${target.level} ${comp}`
  refuseVersion(call.query)
  if (call.query.has('snapshot') && !OF_SNAPSHOTS.test(asked)) {
    throw new Refusal(400, 'InvalidOperation', 'Invalid operation against a blob snapshot.')
  }
  if (call.method === 'PUT' && target.level === 'blob' && comp === '') return putOf(call)
  const found = TABLE[asked]
  if (found === undefined) {
    const what = `${call.method} of a ${target.level} with comp=${comp}`
    throw comp === ''
      ? new Refusal(400, 'InvalidUri', `The requested URI does not represent any resource on the server: ${what}.`)
      : notImplemented(what)
  }
  const isBreak = comp === 'lease' && headerOf(call, 'x-ms-lease-action')?.toLowerCase() === 'break'
  if (isBreak) return target.level === 'blob' ? BREAK_BLOB_LEASE : BREAK_CONTAINER_LEASE
  const hasSource = headerOf(call, 'x-ms-copy-source') !== undefined
  if (hasSource && comp === 'block') return BLOCK_FROM_URL
  if (hasSource && comp === 'appendblock') return APPEND_FROM_URL
  if (hasSource && comp === 'page') return PAGES_FROM_URL
  return found
}

/** PUT of a blob is six operations, told apart by headers. */
function putOf(call: Call): Operation {
  const type = headerOf(call, 'x-ms-blob-type')
  if (headerOf(call, 'x-ms-copy-source') !== undefined) {
    if (type === 'BlockBlob') return PUT_FROM_URL
    return headerOf(call, 'x-ms-requires-sync') === 'true' ? COPY_FROM_URL : COPY
  }
  if (type === 'BlockBlob') return PUT_BLOCK_BLOB
  if (type === 'AppendBlob') return PUT_APPEND_BLOB
  if (type === 'PageBlob') return PUT_PAGE_BLOB
  const code = type === undefined ? 'MissingRequiredHeader' : 'InvalidHeaderValue'
  throw new Refusal(400, code, `The header x-ms-blob-type is '${type ?? ''}', which is no type of blob.`)
}
