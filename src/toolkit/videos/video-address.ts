import { type Parsed, refuse } from '../../http/parsed.ts'
import { parseHttpsAddress } from '../https-address.ts'

export interface VideoAddress {
  provider: 'youtube' | 'vimeo' | 'file'
  /** The provider's own name of the video; null for a file. An unlisted video of Vimeo is `id/hash`. */
  providerId: string | null
  /** The address of the video's own page, or of the file. */
  url: string
}

const YOUTUBE_HOSTS = new Set([
  'youtube.com',
  'www.youtube.com',
  'm.youtube.com',
  'music.youtube.com',
  'youtube-nocookie.com',
  'www.youtube-nocookie.com',
  'youtu.be',
  'www.youtu.be',
])
const VIMEO_HOSTS = new Set(['vimeo.com', 'www.vimeo.com', 'player.vimeo.com'])

/** Hosts are compared whole, so that `youtube.com.evil.example` is none of them. */
export function parseVideoAddress(text: string): Parsed<VideoAddress> {
  const parsed = parseHttpsAddress(text)
  if (!parsed.ok) return parsed
  const url = parsed.value
  if (YOUTUBE_HOSTS.has(url.hostname)) return youtubeVideo(url)
  if (VIMEO_HOSTS.has(url.hostname)) return vimeoVideo(url)
  if (!/\.(?:mp4|webm|ogv)$/i.test(url.pathname))
    return refuse('must be a video of YouTube or Vimeo, or a file that ends with .mp4, .webm or .ogv')
  return { ok: true, value: { provider: 'file', providerId: null, url: url.href } }
}

/** Words that stand where an embed address has its video, and are as long as an id. */
const NO_VIDEOS = new Set(['videoseries', 'live_stream'])

function youtubeVideo(url: URL): Parsed<VideoAddress> {
  const [first = '', second = '', ...rest] = url.pathname.split('/').slice(1)
  const id = url.hostname.endsWith('youtu.be')
    ? first
    : first === 'watch'
      ? (url.searchParams.get('v') ?? '')
      : ['shorts', 'embed', 'live', 'v'].includes(first) && rest.join('') === ''
        ? second
        : ''
  if (!/^[\w-]{11}$/.test(id) || NO_VIDEOS.has(id)) return refuse('does not name one video of YouTube')
  return {
    ok: true,
    value: { provider: 'youtube', providerId: id, url: `https://www.youtube.com/watch?v=${id}` },
  }
}

/** The path before the number: a channel, group, showcase, or nothing. */
const VIMEO_PATH =
  /^\/(?:video\/|channels\/[\w-]+\/|groups\/[\w-]+\/videos\/|(?:showcase|album)\/\d+\/video\/)?([1-9]\d{0,14})(?:\/([0-9a-f]{6,32}))?\/?$/

function vimeoVideo(url: URL): Parsed<VideoAddress> {
  const [, id, pathHash] = VIMEO_PATH.exec(url.pathname) ?? []
  if (id === undefined) return refuse('does not name one video of Vimeo')
  const hash = pathHash ?? url.searchParams.get('h')
  if (hash !== null && !/^[0-9a-f]{6,32}$/.test(hash)) return refuse('does not name one video of Vimeo')
  const providerId = hash === null ? id : `${id}/${hash}`
  return { ok: true, value: { provider: 'vimeo', providerId, url: `https://vimeo.com/${providerId}` } }
}

/**
 * The address of a frame that plays the video, which sets no cookie before the person plays it; null for a file, which
 * needs no frame.
 */
export function embedAddress({
  provider,
  providerId,
}: Pick<VideoAddress, 'provider' | 'providerId'>): string | null {
  if (providerId === null) return null
  if (provider === 'youtube') return `https://www.youtube-nocookie.com/embed/${providerId}`
  const [id, hash] = providerId.split('/')
  return `https://player.vimeo.com/video/${id}?${hash === undefined ? '' : `h=${hash}&`}dnt=1`
}
