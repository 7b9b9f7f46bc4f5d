import { notImplemented, Refusal } from '../refusal.ts'

/** Signature, token or SAS that does not hold. The detail is what Azure prints as AuthenticationErrorDetail. */
export function notAuthenticated(detail: string): Refusal {
  return new Refusal(
    403,
    'AuthenticationFailed',
    `Server failed to authenticate the request. Make sure the value of Authorization header is formed correctly including the signature. ${detail}`,
  )
}

/** A request that proves who it is and may not do this. */
export function forbidden(code: string, what: string): Refusal {
  return new Refusal(403, code, `This request is not authorized to perform this operation${what}.`)
}

export function invalidHeader(name: string, value: string): Refusal {
  return new Refusal(
    400,
    'InvalidHeaderValue',
    `The value for one of the HTTP headers is not in the correct format: ${name} is '${value}'.`,
  )
}

export function missingHeader(name: string): Refusal {
  return new Refusal(
    400,
    'MissingRequiredHeader',
    `An HTTP header that is mandatory for this request is not specified: ${name}.`,
  )
}

export function invalidQuery(name: string, value: string): Refusal {
  return new Refusal(
    400,
    'InvalidQueryParameterValue',
    `Value for one of the query parameters specified in the request URI is invalid: ${name} is '${value}'.`,
  )
}

/** Refuses a URL that names a version of a blob: whoever ignored it would take the blob as it is now for it. */
export function refuseVersion(query: URLSearchParams): void {
  if (query.has('versionid')) throw notImplemented('versions of blobs (versionid)')
}

export function noBlob(): Refusal {
  return new Refusal(404, 'BlobNotFound', 'The specified blob does not exist.')
}

export function noContainer(): Refusal {
  return new Refusal(404, 'ContainerNotFound', 'The specified container does not exist.')
}
