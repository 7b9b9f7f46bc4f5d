import { createHmac, timingSafeEqual } from 'node:crypto'

/** Header that carries the signature of a body. */
export const SIGNATURE = 'x-holdfast-signature'

/** Signs a body with the key that the processes of one protection share. */
export function signatureOf(body: string, key: string): string {
  return createHmac('sha256', key).update(body).digest('hex')
}

/** True if the body was signed with the key. Takes the same time whatever the signature. */
export function isSigned(body: string, signature: string, key: string): boolean {
  const wanted = Buffer.from(signatureOf(body, key))
  const given = Buffer.from(signature)
  return wanted.length === given.length && timingSafeEqual(wanted, given)
}
