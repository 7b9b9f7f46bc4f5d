import { createHmac } from 'node:crypto'
import { hmac } from './shared-key.ts'

/** Parameters of a SAS by their names in the URL. */
export type SasFields = Readonly<Record<string, string | undefined>>

/** The version that SAS made here are signed for. */
const VERSION = '2022-11-02'

const RESPONSE_HEADERS = ['rscc', 'rscd', 'rsce', 'rscl', 'rsct']

/**
 * A query string that opens one container, or one blob of it, to whoever holds it.
 *
 * `permissions` are letters of the vendor's list, in any order.
 */
export function containerSas(grant: {
  readonly account: string
  /** One of the account's keys. */
  readonly key: string
  readonly container: string
  readonly blob?: string
  readonly permissions: string
  readonly expires: Date
}): string {
  const fields = {
    sv: VERSION,
    sr: grant.blob === undefined ? 'c' : 'b',
    sp: inOrder(grant.permissions),
    se: seconds(grant.expires),
    spr: 'https',
  }
  const name = grant.blob === undefined ? '' : `/${grant.blob}`
  const signature = hmac(grant.key, serviceText(fields, `/blob/${grant.account}/${grant.container}${name}`))
  return new URLSearchParams({ ...fields, sig: signature }).toString()
}

/** A query string that opens the blob service of a whole account. */
export function accountSas(grant: {
  readonly account: string
  readonly key: string
  readonly permissions: string
  /** Letters of `sco`: service, containers, objects. */
  readonly resourceTypes: string
  readonly expires: Date
}): string {
  const fields = {
    sv: VERSION,
    ss: 'b',
    srt: grant.resourceTypes,
    sp: inOrder(grant.permissions),
    se: seconds(grant.expires),
    spr: 'https',
  }
  return new URLSearchParams({ ...fields, sig: hmac(grant.key, accountText(fields, grant.account)) }).toString()
}

/** What the signature of an account SAS covers. */
export function accountText(sas: SasFields, account: string): string {
  const names = ['sp', 'ss', 'srt', 'st', 'se', 'sip', 'spr', 'sv']
  const scope = since(sas, '2020-12-06') ? ['ses'] : []
  return `${[account, ...values(sas, [...names, ...scope])].join('\n')}\n`
}

/** What the signature of a service SAS covers, by version. */
export function serviceText(sas: SasFields, resource: string): string {
  return [
    ...values(sas, ['sp', 'st', 'se']),
    resource,
    ...values(sas, ['si', 'sip', 'spr', 'sv']),
    ...(since(sas, '2018-11-09') ? [sas['sr'] ?? '', snapshotIn(sas)] : []),
    ...(since(sas, '2020-12-06') ? values(sas, ['ses']) : []),
    ...values(sas, RESPONSE_HEADERS),
  ].join('\n')
}

/** What the signature of a user delegation SAS covers, by version. */
export function delegationText(sas: SasFields, resource: string): string {
  return [
    ...values(sas, ['sp', 'st', 'se']),
    resource,
    ...values(sas, KEY_FIELDS),
    ...(since(sas, '2020-02-10') ? values(sas, ['saoid', 'suoid', 'scid']) : []),
    ...(since(sas, '2025-07-05') ? values(sas, ['skdutid', 'sduoid']) : []),
    ...values(sas, ['sip', 'spr', 'sv', 'sr']),
    snapshotIn(sas),
    ...(since(sas, '2020-12-06') ? values(sas, ['ses']) : []),
    ...(since(sas, '2026-04-06') ? ['', ''] : []),
    ...values(sas, RESPONSE_HEADERS),
  ].join('\n')
}

/** What a signature says of a snapshot: one of a container or folder covers those in it. */
function snapshotIn(sas: SasFields): string {
  return sas['sr'] === 'c' || sas['sr'] === 'd' ? '' : (sas['snapshot'] ?? '')
}

const KEY_FIELDS = ['skoid', 'sktid', 'skt', 'ske', 'sks', 'skv']

/** The key that a user gets for signing, in base64. It follows from who asked and for how long, so none is stored. */
export function delegationKey(secret: string, sas: SasFields): string {
  const text = values(sas, KEY_FIELDS).join('\n')
  return createHmac('sha256', Buffer.from(secret, 'base64')).update(text, 'utf8').digest('base64')
}

/** An instant to the second, as SAS parameters hold it. */
export function seconds(instant: Date): string {
  return `${instant.toISOString().slice(0, 19)}Z`
}

function values(sas: SasFields, names: readonly string[]): string[] {
  return names.map((name) => sas[name] ?? '')
}

/** Versions are dates: they compare as texts. */
function since(sas: SasFields, version: string): boolean {
  return (sas['sv'] ?? '') >= version
}

/** Azure refuses letters that are not in its own order. */
function inOrder(permissions: string): string {
  return [...'racwdxyltfmeopi'].filter((letter) => permissions.includes(letter)).join('')
}
