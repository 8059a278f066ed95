import { postJson, Turns } from './api.js'
import { colorOf } from './colors.js'
import { applyFormat } from './conditional-format.js'
import { h, svg } from './dom.js'
import { eventsWithin } from './event-lines.js'
import { clock, formatParts, formatValue, plainUnit, unitOf } from './format.js'
import { DistributionChart, HeatChart } from './histogram-charts.js'
import { markdown } from './markdown.js'
import { explorerLinks, freeText, whyNotDrawn } from './other-widgets.js'
import { QueryTable } from './query-table.js'
import { TimeChart } from './time-chart.js'
import { secondsOf } from './time-span.js'

const turns = new Turns(4)
const LINE_WIDTHS = { thin: 1, normal: 1.5, thick: 2.5 }
const DASHES = { dashed: [6, 4], dotted: [2, 3] }

/**
 * A widget of a dashboard, drawn by its definition: {element, refresh(context)}. The context is {from, to, variables} in
 * milliseconds. The box of an unknown kind says so.
 */
export function makeWidget(definition, { onZoom } = {}) {
  if (definition?.type === 'note') return { element: noteBox(definition), refresh: () => {} }
  if (definition?.type === 'free_text') return { element: freeText(definition), refresh: () => {} }
  const make = Object.hasOwn(KINDS, definition?.type ?? '') ? KINDS[definition.type] : undefined
  const body = h('div', { class: 'body' })
  const message = h('p', { class: 'message', hidden: true })
  const title = String(definition?.title ?? '')
  const element = h(
    'section',
    { class: `widget ${make ? definition.type : 'unknown'}`, 'aria-label': title || definition?.type },
    h(
      'header',
      {},
      h('h2', { title: definition?.description ?? title }, title),
      definition?.description &&
        h(
          'span',
          {
            class: 'about',
            tabindex: '0',
            role: 'note',
            'aria-label': definition.description,
            data: { about: definition.description },
          },
          'i',
        ),
    ),
    body,
    message,
  )
  if (!make) {
    message.hidden = false
    message.append(h('span', {}, whyNotDrawn(definition?.type)), ...explorerLinks(definition ?? {}))
    return { element, refresh: () => {} }
  }
  const say = (text, isError = false) => {
    message.textContent = text ?? ''
    message.hidden = !text
    message.classList.toggle('error', isError)
    body.hidden = Boolean(text)
    // Keys can scroll to the hidden part, too.
    if (message.scrollHeight > message.clientHeight) message.setAttribute('tabindex', '0')
    else message.removeAttribute('tabindex')
  }
  const drawer = isWritten(definition)
    ? make(definition, body, { onZoom, title })
    : () => `This is not Datadog's form of a ${definition.type}: it has no list of requests.`
  let run = 0
  const isDue = hasEvents(definition) ? atIntervals(EVENTS_EVERY_MS) : () => true
  const refresh = async (context) => {
    if (!isDue(context)) return
    run += 1
    const mine = run
    const own = ownTime(definition, context)
    try {
      const notes = await drawer({ ...own, isCurrent: () => mine === run, show: () => say(undefined) })
      if (mine !== run) return
      element.dataset.state = notes === undefined ? 'drawn' : 'empty'
      if (notes !== undefined) say(notes)
    } catch (error) {
      if (mine !== run) return
      element.dataset.state = 'failed'
      const { place } = error
      say(place ? `${error.message}\n\n${place.pointer}` : error.message, true)
    }
  }
  return { element, refresh }
}

/** Each query reads spans and log lines one by one. */
const EVENTS_EVERY_MS = 5000

function hasEvents({ requests }) {
  return (
    isWritten({ requests }) &&
    requests.some(({ queries }) => queries?.some?.((query) => ['spans', 'logs'].includes(query?.data_source)))
  )
}

/** Whether the request differs, or its time is later by an interval. */
function atIntervals(ms) {
  let last
  return ({ from, to, variables }) => {
    const asked = JSON.stringify([to - from, variables])
    if (last?.asked === asked && from >= last.from && from - last.from < ms) return false
    last = { asked, from }
    return true
  }
}

/** Not every file comes from Datadog, and one widget's fault must not break the others. */
function isWritten({ requests }) {
  return (
    Array.isArray(requests) && requests.length > 0 && requests.every((request) => request instanceof Object)
  )
}

/** A widget may have a time of its own. */
function ownTime(definition, context) {
  const seconds = secondsOf(definition.time?.live_span)
  return seconds ? { ...context, from: context.to - seconds * 1000 } : context
}

const KINDS = {
  timeseries,
  query_value: queryValue,
  toplist: topList,
  query_table: queryTable,
  heatmap: (definition, body, options) => histogram(definition, body, options, HeatChart),
  distribution: (definition, body, options) => histogram(definition, body, options, DistributionChart),
}

function ask(request, format, { from, to, variables }, more = {}) {
  const { queries, formulas, q, query, request_type } = request
  const body = {
    from,
    to,
    variables,
    response_format: format,
    queries,
    formulas,
    q,
    query,
    request_type,
    ...more,
  }
  return turns.take(() => postJson('/api/query', body))
}

/** The reason for an empty widget, and the time of its data. */
function waitsFor(answers, { from, to }) {
  const notes = [...new Set(answers.flatMap(({ notes = [] }) => notes))].map(sentence)
  if (notes.length > 0) return `${notes.join('\n')}`
  return `Nothing between ${clock(from)} and ${clock(to)}. It fills when data of that time arrive.`
}

const sentence = (text) => `${text.charAt(0).toUpperCase()}${text.slice(1)}${/[.!?]$/.test(text) ? '' : '.'}`

/** The group's values, with the formula's name before them where there are several. */
function labelOf({ label, tags, formula }, formulas, isAlone) {
  const group = groupOf(tags)
  const alias = formulas?.[formula]?.alias ?? label
  if (group === '') return alias
  return isAlone ? group : `${alias} · ${group}`
}

const groupOf = (tags) => Object.values(tags).join(', ')

function timeseries(definition, body, { onZoom, title }) {
  const chart = new TimeChart({ onZoom })
  body.append(chart.element)
  const requests = definition.requests ?? []
  return async ({ isCurrent, show, ...context }) => {
    const [events, ...answers] = await Promise.all([
      eventsWithin(context),
      ...requests.map((request) => ask(request, 'timeseries', context)),
    ])
    if (!isCurrent()) return undefined
    const model = {
      title,
      from: context.from,
      to: context.to,
      series: named(answers.map((answer, index) => seriesOf(answer, requests[index], index))),
      yaxis: definition.yaxis,
      rightYaxis: definition.right_yaxis,
      markers: definition.markers,
      events,
      legend: legendOf(definition),
    }
    if (!model.series.some(({ values }) => values.some((value) => value !== null)))
      return waitsFor(answers, context)
    show()
    chart.draw(model)
    return undefined
  }
}

function legendOf({ show_legend: isShown, legend_layout: layout, legend_columns: columns, legendTable }) {
  return {
    isHidden: isShown === false,
    isTable: layout === 'vertical' || legendTable === true,
    mayShrink: layout !== 'vertical',
    columns: layout === 'vertical' || legendTable === true ? (columns ?? ['avg', 'max', 'value']) : ['value'],
  }
}

/** If two requests have the same groups, the formulas' names distinguish them. */
function named(requests) {
  const all = requests.flat()
  const seen = new Map()
  for (const { label } of all) seen.set(label, (seen.get(label) ?? 0) + 1)
  return all.map((one) => (seen.get(one.label) > 1 ? { ...one, label: one.fullLabel } : one))
}

function seriesOf(answer, request, requestIndex) {
  const { display_type: display = 'line', style = {}, formulas, on_right_yaxis: isRight = false } = request
  const type = display === 'bars' || display === 'area' ? display : 'line'
  const isAlone = (formulas?.length ?? 1) === 1
  return answer.series.map((one, index) => {
    const label = labelOf(one, formulas, isAlone)
    const { palette } = formulas?.[one.formula]?.style ?? style
    return {
      key: `${requestIndex} ${one.formula} ${JSON.stringify(one.tags)}`,
      label,
      fullLabel: labelOf(one, formulas, false),
      times: answer.times,
      interval: answer.interval,
      completeUntil: answer.completeUntil,
      values: one.values,
      unit: unitOf(one.unit, formulas?.[one.formula]?.number_format),
      type,
      stack: String(requestIndex),
      isRight,
      color: colorOf(label, index, palette),
      width: LINE_WIDTHS[style.line_width],
      dash: DASHES[style.line_type],
    }
  })
}

function queryValue(definition, body) {
  const number = h('span', { class: 'number' })
  const suffix = h('span', { class: 'suffix' })
  const spark = h('div', { class: 'spark', 'aria-hidden': 'true', hidden: true })
  body.append(h('p', { class: 'big' }, number, suffix), spark)
  const [request] = definition.requests ?? []
  const background = definition.timeseries_background
  return async ({ isCurrent, show, ...context }) => {
    const [answer, history] = await Promise.all([
      ask(request, 'scalar', context),
      background
        ? ask(
            { ...request, formulas: request.formulas?.slice(0, 1) },
            'timeseries',
            context,
            sparkInterval(context),
          )
        : undefined,
    ])
    if (!isCurrent()) return undefined
    const [found] = answer.values
    if (found?.value === null || found === undefined) return waitsFor([answer], context)
    show()
    const formula = request.formulas?.[found.formula]
    const unit = definition.custom_unit
      ? plainUnit(definition.custom_unit)
      : unitOf(found.unit, formula?.number_format)
    const [text, name] = formatParts(found.value, unit, definition.precision)
    number.textContent = text
    suffix.textContent = name
    applyFormat(body, formula?.conditional_formats ?? request.conditional_formats, found.value)
    if (history) drawSpark(spark, history, background.type)
    return undefined
  }
}

const SPARK_POINTS = 60
/** Least seconds of a bucket of a background: more buckets could not be seen. */
const sparkInterval = ({ from, to }) => {
  const least = (to - from) / 1000 / SPARK_POINTS
  return { interval: [5, 10, 20, 30, 60, 120, 300, 600, 1800, 3600].find((step) => step >= least) ?? 7200 }
}

/** The course of a number, below it: bars, or an area. */
function drawSpark(box, { series, times, completeUntil }, type) {
  // A bucket that still grows would always end in a fall.
  const whole = times.filter((time) => time < completeUntil).length
  const values = (series[0]?.values ?? []).slice(0, whole).map((value) => Math.max(0, value ?? 0))
  box.hidden = values.every((value) => value === 0)
  const most = Math.max(...values, 0) || 1
  const height = (value) => ((1 - value / most) * 100).toFixed(2)
  const step = 100 / Math.max(1, values.length)
  const parts = values.map((value, index) => {
    const [left, right] = [
      (index * step).toFixed(2),
      ((index + (type === 'bars' ? 0.82 : 1)) * step).toFixed(2),
    ]
    return type === 'bars'
      ? `M${left} 100V${height(value)}H${right}V100Z`
      : `${index === 0 ? 'M0 100' : ''}L${((index + 0.5) * step).toFixed(2)} ${height(value)}`
  })
  const shape = parts.join('') + (type === 'bars' || values.length === 0 ? '' : 'L100 100Z')
  box.replaceChildren(
    svg('svg', { viewBox: '0 0 100 100', preserveAspectRatio: 'none' }, svg('path', { d: shape })),
  )
}

function topList(definition, body) {
  const list = h('table', { class: 'toplist' })
  // It scrolls, which keys can do as well.
  body.setAttribute('tabindex', '0')
  body.append(list)
  const [request] = definition.requests ?? []
  return async ({ isCurrent, show, ...context }) => {
    const answer = await ask(request, 'scalar', context)
    if (!isCurrent()) return undefined
    const rows = answer.values.filter(({ value }) => value !== null)
    if (rows.length === 0) return waitsFor([answer], context)
    show()
    const isAlone = (request.formulas?.length ?? 1) === 1
    const most = Math.max(...rows.map(({ value }) => Math.abs(value))) || 1
    list.replaceChildren(
      h('caption', { class: 'hidden' }, definition.title ?? ''),
      h(
        'tbody',
        {},
        rows.map((one, index) => {
          const label = labelOf(one, request.formulas, isAlone)
          const formula = request.formulas?.[one.formula]
          const row = h(
            'tr',
            {
              style: {
                '--share': `${(Math.abs(one.value) / most) * 100}%`,
                '--color': colorOf(label, index, (formula?.style ?? request.style)?.palette),
              },
            },
            h('th', { scope: 'row', title: label }, h('span', {}, label)),
            h('td', {}, formatValue(one.value, unitOf(one.unit, formula?.number_format))),
          )
          applyFormat(row, formula?.conditional_formats ?? request.conditional_formats, one.value)
          return row
        }),
      ),
    )
    return undefined
  }
}

function queryTable(definition, body) {
  const table = new QueryTable(definition)
  body.append(table.element)
  const requests = definition.requests ?? []
  return async ({ isCurrent, show, ...context }) => {
    const answers = await Promise.all(requests.map((request) => ask(request, 'scalar', context)))
    if (!isCurrent()) return undefined
    if (table.draw(requests, answers) === 0) return waitsFor(answers, context)
    show()
    return undefined
  }
}

function histogram(definition, body, { onZoom, title }, Chart) {
  const chart = new Chart({ onZoom })
  body.append(chart.element)
  const [request] = definition.requests ?? []
  return async ({ isCurrent, show, ...context }) => {
    const answer = await ask(request, 'distribution', context)
    if (!isCurrent()) return undefined
    if (!answer.totals.some((count) => count > 0)) return waitsFor([answer], context)
    show()
    chart.draw(title, answer, unitOf(answer.unit, request.formulas?.[0]?.number_format))
    return undefined
  }
}

function noteBox({ content = '', background_color: color, text_align: align, font_size: size }) {
  const known = ['yellow', 'blue', 'pink', 'gray', 'purple', 'green', 'red', 'orange'].includes(color)
  const points = Number(size)
  return h(
    'section',
    {
      class: 'widget note',
      data: { tone: known ? color : 'plain', align: ['center', 'right'].includes(align) ? align : 'left' },
      style: points >= 10 && points <= 48 ? { 'font-size': `${points}px` } : {},
    },
    markdown(String(content)),
  )
}
