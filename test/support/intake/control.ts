import type { IncomingMessage, ServerResponse } from 'node:http'
import { type Static, Type } from 'typebox'
import { Value } from 'typebox/value'
import type { Intake } from './intake.ts'

const closed = { additionalProperties: false }

const Order = Type.Union([
  Type.Object(
    {
      do: Type.Literal('misbehave'),
      misbehaviour: Type.Union([
        Type.Object(
          {
            kind: Type.Literal('status'),
            status: Type.Integer({ minimum: 400, maximum: 599 }),
            retryAfterSeconds: Type.Optional(Type.Integer({ minimum: 0 })),
          },
          closed,
        ),
        Type.Object(
          { kind: Type.Union([Type.Literal('hang'), Type.Literal('reset'), Type.Literal('drop-reply')]) },
          closed,
        ),
        Type.Object({ kind: Type.Literal('partial'), rejected: Type.Integer({ minimum: 1 }) }, closed),
      ]),
      times: Type.Optional(Type.Integer({ minimum: 1 })),
      forMs: Type.Optional(Type.Integer({ minimum: 1 })),
      signal: Type.Optional(
        Type.Union([Type.Literal('metrics'), Type.Literal('traces'), Type.Literal('logs')]),
      ),
    },
    closed,
  ),
  Type.Object({ do: Type.Union([Type.Literal('behave'), Type.Literal('forget')]) }, closed),
])

/** What `POST /control` takes. */
export type Order = Static<typeof Order>

/**
 * The side door, which needs no key: `POST /control` with an order, `GET /stored` for all counters and refusals, and
 * `GET /stored?query=sum|count|points|gaps|percentile&metric=…[&filter=a:b,c:d][&by=tag,tag][&p=0.95]` for what is stored.
 */
export async function answerControl(
  intake: Intake,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const { pathname, searchParams } = new URL(request.url ?? '/', 'http://intake')
  const route = `${request.method} ${pathname}`
  let status = 200
  let reply: unknown
  try {
    if (route === 'GET /stored') reply = query(intake, searchParams)
    else if (route === 'POST /control') reply = obey(intake, await readOrder(request))
    else throw new ControlError(404, 'There is only POST /control and GET /stored beside the intake.')
  } catch (error) {
    status = error instanceof ControlError ? error.status : 400
    reply = { error: (error as Error).message }
  }
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(reply))
}

class ControlError extends Error {
  readonly status: number

  constructor(status: number, message: string) {
    super(message)
    this.status = status
  }
}

async function readOrder(request: IncomingMessage): Promise<Order> {
  const order: unknown = JSON.parse(Buffer.concat(await request.toArray()).toString('utf8'))
  if (Value.Check(Order, order)) return order
  throw new ControlError(400, 'That is no order; see test/intake/control.ts.')
}

function obey(intake: Intake, order: Order): object {
  if (order.do === 'misbehave') intake.misbehaving.order(order.misbehaviour, order)
  else if (order.do === 'behave') intake.misbehaving.behave()
  else intake.forget()
  return { ok: true }
}

function query(intake: Intake, parameters: URLSearchParams): unknown {
  const list = (name: string) => parameters.get(name)?.split(',') ?? []
  const metric = parameters.get('metric') ?? ''
  const selection = { metric, filter: list('filter'), by: list('by') }
  switch (parameters.get('query')) {
    case null:
      return {
        metrics: {
          ...intake.metrics.counters,
          series: intake.metrics.seriesPerMetric(),
          overwrittenPerMetric: intake.metrics.overwrittenPerMetric(),
        },
        traces: intake.traces,
        logs: intake.logs,
        requests: intake.requests,
        misbehaved: intake.misbehaving.done,
        refused: intake.refusals.list(),
      }
    case 'sum':
      return intake.metrics.sum(selection)
    case 'count':
      return intake.metrics.count(selection)
    case 'points':
      return intake.metrics.points(selection)
    case 'gaps':
      return intake.metrics.gaps(selection)
    case 'percentile':
      return intake.metrics.percentile(selection, fraction(parameters.get('p')))
    default:
      throw new ControlError(400, 'query must be sum, count, points, gaps or percentile.')
  }
}

function fraction(text: string | null): number {
  const value = Number(text)
  if (text === null || !(value >= 0 && value <= 1)) throw new ControlError(400, 'p must be from 0 to 1.')
  return value
}
