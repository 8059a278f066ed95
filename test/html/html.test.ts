import t from 'tap'
import { html } from '../../src/html/html.ts'
import { day, time } from '../../src/html/time.ts'

t.test('a text is escaped between tags and within quotes; markup of the template is not', async (t) => {
  const hostile = `<script>alert("1" & '2')</script>`
  t.equal(
    html`<p title="${hostile}">${hostile}</p>`.markup,
    '<p title="&#60;script&#62;alert(&#34;1&#34; &#38; &#39;2&#39;)&#60;/script&#62;">&#60;script&#62;alert(&#34;1&#34; &#38; &#39;2&#39;)&#60;/script&#62;</p>',
  )
  t.equal(
    html`<ul>${['<a>', '<b>'].map((text) => html`<li>${text}</li>`)}</ul>`.markup,
    '<ul><li>&#60;a&#62;</li><li>&#60;b&#62;</li></ul>',
  )
})

t.test('lists of texts are escaped too, and what is nothing is left out', async (t) => {
  t.equal(html`${['<', [html`<br>`, '>']]}`.markup, '&#60;<br>&#62;')
  t.equal(html`[${undefined}${null}${false}${true}${0}${''}]`.markup, '[0]')
})

t.test('a time is read in words and holds the exact one', async (t) => {
  t.equal(
    time('2026-01-09T04:05:06.789Z').markup,
    '<time datetime="2026-01-09T04:05:06.789Z">9 January 2026, 04:05 UTC</time>',
  )
  t.equal(
    day('2026-12-31T23:59:59.999Z').markup,
    '<time datetime="2026-12-31T23:59:59.999Z">31 December 2026</time>',
  )
})
