import { describe, expect, it } from 'vitest'
import { type Link, Links } from './links.ts'

function tracked(links: Links, ...ends: [string, string]): string[] {
  const seen: string[] = []
  const link: Link = {
    ends,
    close: () => seen.push('close'),
    stall: () => seen.push('stall'),
    resume: () => seen.push('resume'),
  }
  links.track(link)
  return seen
}

describe('Links', () => {
  it('cuts two places from each other in both directions and from nobody else', () => {
    const links = new Links()
    links.set([{ is: 'cut', between: ['a', 'b'] }])
    expect(links.state(['a', 'b'])).toBe('closed')
    expect(links.state(['b', 'a'])).toBe('closed')
    expect(links.state(['a', 'c'])).toBe('open')
  })

  it('leaves an isolated place to itself', () => {
    const links = new Links()
    links.set([{ is: 'cut', between: ['*', 'east'] }])
    expect(links.state(['east', 'west'])).toBe('closed')
    expect(links.state(['east', 'east'])).toBe('open')
    expect(links.state(['west', 'arm'])).toBe('open')
  })

  it('closes a place that is down to everybody, itself included', () => {
    const links = new Links()
    links.set([{ is: 'down', at: 'east' }])
    expect(links.state(['east', 'east'])).toBe('closed')
    expect(links.state(['west', 'east'])).toBe('closed')
  })

  it('puts a connection into the state of its ends at once, and again with every change', () => {
    const links = new Links()
    links.set([{ is: 'hang', at: 'east' }])
    const seen = tracked(links, 'client', 'east')
    links.set([])
    links.set([
      { is: 'hang', at: 'east' },
      { is: 'cut', between: ['client', 'east'] },
    ])
    links.set([])
    expect(seen).toEqual(['stall', 'resume', 'close'])
  })

  it('wakes who waits when the faults change or when the wait is given up', async () => {
    const links = new Links()
    const given = new AbortController()
    const changed = links.change(new AbortController().signal)
    links.set([])
    await changed
    const abandoned = links.change(given.signal)
    given.abort()
    await abandoned
  })
})
