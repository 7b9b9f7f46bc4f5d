import type { Json } from '../core/model.ts'

const GONE = '***'

/** Fields whose value is a secret, whatever their case. */
const SECRET_FIELD =
  /^(?:.*(?:password|secret|sastoken|accesstoken|refreshtoken|primarykey|secondarykey|accountkey|accesskey|apikey|connectionstring|certificate|privatekey)|key|key1|key2|keys|token|authorization|sig|sas|pat|clientassertion|userstoragekey|sasuri|sasurl)$/i

/** Names that look like a secret's and hold none. */
const PLAIN_FIELD = /^(?:secretstype|expirablesecret|haspassword|sshpublickey|adminuserpublickey|keyvault)$/i

const IN_TEXT: readonly (readonly [RegExp, string])[] = [
  // Signature of a SAS, in a URL or in a bare token, encoded or not.
  [/([?&;\s"']|%3F|%26|^)(sig(?:=|%3D))[^&\s"'<>;%]*(?:%(?!26)[0-9A-Fa-f]{2}[^&\s"'<>;%]*)*/gi, `$1$2${GONE}`],
  [/\b(Bearer|Basic|SharedKey(?:Lite)?)\s+[A-Za-z0-9+/=_.:~-]+/g, `$1 ${GONE}`],
  [/\b((?:AccountKey|SharedAccessKey|SharedAccessSignature|Password|Pwd)\s*=)\s*[^;\s"']+/gi, `$1${GONE}`],
  [/\beyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]*/g, GONE],
  [/\b(client_secret|client_assertion|password|refresh_token|access_token)=[^&\s"']+/gi, `$1=${GONE}`],
  [/(\/\/[^/\s:@]+):[^/\s@]+@/g, `$1:${GONE}@`],
]

/** The text without what could open something: SAS signatures, tokens, keys, passwords in URLs. */
export function redacted(text: string): string {
  return IN_TEXT.reduce((left, [pattern, instead]) => left.replace(pattern, instead), text)
}

/** The value without secrets: fields that are named for one lose their value, and texts what {@link redacted} finds. */
export function redactedJson(value: Json): Json {
  if (typeof value === 'string') return redacted(value)
  if (value === null || typeof value !== 'object') return value
  if (Array.isArray(value)) return value.map(redactedJson)
  return Object.fromEntries(
    Object.entries(value).map(([field, inner]) => [field, isSecret(field, inner) ? GONE : redactedJson(inner)]),
  )
}

function isSecret(field: string, value: Json): boolean {
  if (value === null || value === '' || PLAIN_FIELD.test(field)) return false
  return (
    SECRET_FIELD.test(field) && (typeof value === 'string' || Array.isArray(value) || field.toLowerCase() === 'keys')
  )
}
