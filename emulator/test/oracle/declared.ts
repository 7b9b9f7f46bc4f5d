import type { Declared } from './compare.ts'

/** Of every answer, wherever it stands. */
const EVERYWHERE: readonly Declared[] = [
  {
    fact: /x-ms-version/,
    why: 'Azure answers in the version that was asked for; Azurite names its own, and none in a refusal.',
  },
  {
    fact: /content-length/,
    here: /0/,
    there: /nothing/,
    why: 'An empty answer says here that it is empty; Azurite sends it chunked.',
  },
  {
    fact: /body\.EnumerationResults\.@_ServiceEndpoint/,
    why: 'Azurite puts the name of the account behind the host even where the host names it.',
  },
  {
    fact: /body\..*\.Properties\.(Content-(Language|Encoding|Disposition|CRC64|MD5)|Cache-Control)/,
    here: /(?:)/,
    there: /nothing/,
    why: 'Azure lists a property that is not set as an empty element.',
  },
  {
    fact: /(body\..*\.Properties\.AccessTierChangeTime|x-ms-access-tier-change-time)/,
    here: /nothing/,
    why: 'Azure tells when the tier was set only where it was set; Azurite always.',
  },
  {
    fact: /x-ms-access-tier-inferred/,
    there: /false/,
    here: /nothing/,
    why: 'Azure says that a tier is inferred, never that it is not.',
  },
  {
    fact: /(body\..*\.Properties\.IncrementalCopy|x-ms-incremental-copy|x-ms-blob-sealed)/,
    there: /false/,
    here: /nothing/,
    why: 'Azure sends this only where it is true.',
  },
  {
    fact: /body\.EnumerationResults\.(Next)?Marker/,
    why: 'A marker is opaque. Azurite leaves out an empty one.',
  },
  {
    fact: /body\.EnumerationResults\.(Containers\.Container|Blobs\.Blob)\.?\d*\.Metadata/,
    here: /(?:)/,
    there: /nothing/,
    why: 'Metadata that was asked for is here an empty element where there is none.',
  },
  {
    fact: /x-ms-content-crc64/,
    here: /nothing/,
    why: 'Azure and Azurite compute a CRC-64 of every block; the emulator only where the client sends one, for speed.',
  },
  {
    fact: /x-ms-blob-content-md5/,
    here: /nothing/,
    why: 'The digest of the whole blob comes with a range of it; with the whole it is Content-MD5.',
  },
  {
    fact: /x-ms-request-server-encrypted/,
    here: /true/,
    there: /nothing/,
    why: 'Azure says that a write is encrypted with every write since 2019.',
  },
  {
    fact: /body\.Error\.(UserSpecified|ServerCalculated|QueryParameter|Reason|HeaderName|HeaderValue).*/,
    here: /nothing/,
    why: 'Details of a refusal stand here in its message, not in elements of their own.',
  },
]

const ACCESS: readonly Declared[] = [
  {
    fact: /(status|x-ms-error-code|body\.Error\.Code)/,
    here: /(401|NoAuthenticationInformation)/,
    there: /(403|AuthorizationFailure)/,
    why: 'Azure asks who proves nothing to sign in: 401.',
  },
  {
    fact: /(status|x-ms-error-code|body\.Error\.Code)/,
    here: /(403|AuthenticationFailed)/,
    there: /(400|InvalidAuthenticationInfo|AuthorizationFailure)/,
    why: 'A signature that does not hold is AuthenticationFailed in Azure.',
  },
  {
    step: /a SAS beyond its scope/,
    fact: /(x-ms-error-code|body\.Error\.Code)/,
    here: /AuthorizationFailure/,
    there: /AuthorizationPermissionMismatch/,
    why: 'No permission of a SAS of a container opens the container itself.',
  },
  {
    step: /a SAS of .* with c/,
    fact: /(x-ms-error-code|body\.Error\.Code)/,
    here: /UnauthorizedBlobOverwrite/,
    why: 'Azure has a code of its own for a SAS that may create and not overwrite.',
  },
  {
    step: /a SAS of .* with c/,
    fact: /(status|x-ms-error-code)/,
    here: /(201|nothing)/,
    there: /(403|AuthorizationPermissionMismatch)/,
    why: 'A SAS that may create a blob may put its blocks here.',
  },
  {
    fact: /body\.UserDelegationKey\.(SignedVersion|Value)/,
    why: 'A key is of the version that was asked for, and a secret of whoever made it.',
  },
]

const CONTAINERS: readonly Declared[] = [
  {
    step: /access policies of a container/,
    fact: /(status|x-ms-error-code)/,
    here: /(400|InvalidXmlDocument)/,
    there: /(200|nothing)/,
    why: 'A container has at most five policies, with ids of at most 64 characters.',
  },
  {
    step: /lease of a container/,
    fact: /(status|x-ms-error-code)/,
    here: /(400|InvalidHeaderValue)/,
    there: /(201|nothing)/,
    why: 'The id of a lease is a GUID.',
  },
  {
    step: /list what is not committed/,
    fact: /(status|x-ms-error-code)/,
    here: /(501|NotImplemented)/,
    why: 'Listing what is not committed is not done.',
  },
]

const BLOCKS: readonly Declared[] = [
  {
    step: /put with a digest/,
    fact: /(status|x-ms-error-code)/,
    there: /(400|404|Md5Mismatch|BlobNotFound)/,
    why: 'x-ms-blob-content-md5 is kept and not checked, as the vendor says; Azurite checks it.',
  },
  {
    step: /blocks and block lists/,
    fact: /(etag|last-modified)/,
    here: /nothing/,
    why: 'A block list has an ETag only where blocks are committed.',
  },
  {
    step: /(blocks and block lists|append blobs)/,
    fact: /content-md5/,
    here: /nothing/,
    why: 'Azure answers with a digest of the list only where one was sent, and a blob of blocks has none by itself.',
  },
  {
    step: /blocks and block lists/,
    fact: /content-type/,
    here: /application\/xml/,
    why: 'A block list is XML, whatever the blob is.',
  },
  {
    step: /blocks and block lists/,
    fact: /body\.BlockList\.(Unc|C)ommittedBlocks/,
    here: /nothing/,
    why: 'Only the lists that were asked for are in the answer.',
  },
  {
    step: /a put forgets waiting blocks/,
    fact: /body\.BlockList\..*/,
    why: 'Put Blob forgets the blocks that wait, as the vendor says; Azurite keeps them.',
  },
  {
    step: /ranges/,
    fact: /(status|x-ms-error-code)/,
    here: /(416|InvalidRange)/,
    there: /(206|nothing)/,
    why: 'A range that starts behind the end is refused.',
  },
  {
    step: /ranges/,
    fact: /(status|x-ms-error-code)/,
    there: /(500|FeatureNotSupported)/,
    why: 'Azurite has no CRC-64 of a range.',
  },
]

const PROPERTIES: readonly Declared[] = [
  {
    step: /metadata and headers/,
    fact: /content-type/,
    there: /nothing/,
    why: 'A blob without a type is application/octet-stream.',
  },
  {
    step: /conditions of a read/,
    fact: /content-type/,
    here: /nothing/,
    why: 'A 304 has no body and no type.',
  },
  {
    step: /conditions of a write/,
    fact: /(status|x-ms-error-code)/,
    here: /(409|BlobAlreadyExists)/,
    why: 'If-None-Match: * fails every write to what is there; Azurite lets some through.',
  },
  {
    step: /conditions of a write/,
    fact: /status/,
    here: /412/,
    there: /304/,
    why: 'A snapshot is a write, whose condition fails with 412.',
  },
  {
    step: /conditions of a write/,
    fact: /(status|x-ms-error-code)/,
    here: /(404|BlobNotFound)/,
    there: /(412|ConditionNotMet)/,
    why: 'What is not there is not found before it fails a condition.',
  },
  {
    step: /tags of a blob/,
    fact: /(x-ms-error-code|body\.Error\.Code)/,
    here: /InvalidInput/,
    there: /DuplicateTagNames/,
    why: 'A letter that tags may not hold is no duplicate.',
  },
  {
    step: /find by tags/,
    fact: /body\.EnumerationResults\.MaxResults/,
    why: 'The size of a page is told where it was asked for.',
  },
  {
    step: /tiers/,
    fact: /(status|x-ms-error-code)/,
    here: /(409|InvalidBlobType)/,
    why: 'The vendor’s list of codes has InvalidBlobType for this.',
  },
  {
    step: /change what is archived/,
    fact: /(status|x-ms-error-code)/,
    here: /(409|BlobArchived)/,
    why: 'What is archived is only deleted, tagged or given another tier.',
  },
  {
    step: /write to a snapshot/,
    fact: /(status|x-ms-error-code)/,
    here: /(400|InvalidOperation)/,
    why: 'A snapshot is never written; Azurite writes to the blob instead.',
  },
  {
    step: /list snapshots/,
    fact: /body\.EnumerationResults\.Blobs.*/,
    why: 'Snapshots are listed from the oldest on, the blob last; Azurite turns them around and loses some between pages.',
  },
  {
    step: /leases of a blob/,
    fact: /(status|x-ms-error-code)/,
    here: /(400|InvalidHeaderValue)/,
    there: /(409|LeaseNotPresentWithLeaseOperation)/,
    why: 'A break takes at most 60 seconds.',
  },
]

const MORE: readonly Declared[] = [
  {
    step: /copies/,
    fact: /(x-ms-error-code|body\.Error\.Code)/,
    here: /(SourceConditionNotMet|CannotVerifyCopySource|NoPendingCopyOperation)/,
    why: 'The vendor’s codes that name the source of a copy; Azurite has the general ones.',
  },
  {
    step: /copies/,
    fact: /content-md5/,
    there: /nothing/,
    why: 'Copy Blob From URL answers with the digest of what it copied.',
  },
  {
    step: /put from a URL/,
    fact: /(status|x-ms-error-code)/,
    there: /(501|500|APINotImplemented|CannotVerifyCopySource)/,
    why: 'Azurite does not put from a URL.',
  },
  {
    step: /page blobs.*/,
    fact: /(x-ms-error-code|body\.Error\.Code)/,
    here: /(InvalidHeaderValue|InvalidPageRange)/,
    why: 'The vendor’s codes for sizes and ranges that are no whole pages.',
  },
  {
    step: /page blobs.*/,
    fact: /accept-ranges/,
    there: /nothing/,
    why: 'Every blob can be read in ranges.',
  },
  {
    step: /page blobs.*/,
    fact: /content-md5/,
    here: /nothing/,
    why: 'A page blob has no digest by itself.',
  },
  {
    step: /page blobs and their snapshots/,
    fact: /body\.PageList\.ClearRange\..*/,
    there: /nothing/,
    why: 'Pages that were cleared since the snapshot are told; Azurite forgets them.',
  },
  {
    step: /the service/,
    fact: /(x-ms-sku-name|x-ms-is-hns-enabled|body\.StorageServiceProperties\..*)/,
    why: 'Accounts are here as ARM makes them by default: Standard_LRS, no hierarchy, no logging, no default version.',
  },
  {
    step: /hostile names/,
    fact: /(status|x-ms-error-code)/,
    here: /(404|ContainerNotFound)/,
    there: /(400|OutOfRangeInput)/,
    why: 'The client resolves `..` before it sends; what is left is a blob in $root, which is not there.',
  },
  {
    step: /names that are too long or hold a backslash/,
    fact: /(status|x-ms-error-code|body\..*Name)/,
    why: 'A name has at most 1024 characters, and is kept as it is sent; Azurite takes longer ones and turns backslashes.',
  },
]

/** Where the emulator and Azurite 3.37 differ, and why. What is not in here fails, and so does what no longer differs. */
export const DECLARED: readonly Declared[] = [
  ...EVERYWHERE,
  ...ACCESS,
  ...CONTAINERS,
  ...BLOCKS,
  ...PROPERTIES,
  ...MORE,
]
