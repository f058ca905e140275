// <rg-chart data='{…}' group="…" zone="Asia/Shanghai" lang="zh-CN" label="…">: a uPlot chart.
//
// The data attribute (or property) is what app/src/pages/admin/machines/charts.rs writes. Charts of one group share their
// cross-hair. Colours come from the style sheet's variables, also when the theme changes. uPlot's own style sheet is part
// of style/components/chart.css: the page's policy allows no inline style elements.
import uPlot from 'uplot';
import { once, range, rows, sameShape, show, single, units } from './scale.js';

const HEIGHT = 170;
/** Colours of lines, by their place. */
const COLOURS = ['--chart-0', '--chart-1', '--chart-2', '--chart-3'];

class RgChart extends HTMLElement {
  static observedAttributes = ['data'];

  #plot;
  #data;
  #resize;
  #theme;
  #frame = 0;
  #readout;

  connectedCallback() {
    if (!this.#readout) {
      this.tabIndex = 0;
      this.setAttribute('role', 'img');
      this.#readout = document.createElement('p');
      this.#readout.className = 'chart-readout';
      // What the cross-hair is at: for the eye; readers have the table.
      this.#readout.setAttribute('aria-hidden', 'true');
      this.addEventListener('keydown', (event) => this.#key(event));
    }
    this.#resize = new ResizeObserver(() => this.#later());
    this.#resize.observe(this);
    this.#theme = matchMedia('(prefers-color-scheme: dark)');
    this.#theme.addEventListener('change', this.#redraw);
    this.#take(this.getAttribute('data'));
  }

  disconnectedCallback() {
    this.#resize?.disconnect();
    this.#theme?.removeEventListener('change', this.#redraw);
    cancelAnimationFrame(this.#frame);
    this.#plot?.destroy();
    this.#plot = undefined;
  }

  attributeChangedCallback(_name, _old, value) {
    if (this.isConnected && this.#readout) this.#take(value);
  }

  /** The chart's data, as an object. */
  get data() {
    return this.#data;
  }

  set data(value) {
    this.#show(value);
  }

  #take(text) {
    if (!text) return;
    try {
      this.#show(JSON.parse(text));
    } catch (error) {
      console.error('rg-chart: data is no JSON', error);
    }
  }

  #show(data) {
    const before = this.#data;
    this.#data = data;
    this.setAttribute('aria-label', this.#summary());
    const measured = data.lines.some((line) => line.avg.some((v) => v !== null));
    if (measured) this.hidden = false;
    if (this.#plot && sameShape(before, data)) {
      this.#plot.setData(rows(data).table);
    } else {
      this.#draw();
    }
  }

  #redraw = () => this.#draw();

  #later() {
    cancelAnimationFrame(this.#frame);
    this.#frame = requestAnimationFrame(() => {
      if (!this.#plot) return this.#draw();
      if (this.clientWidth > 0 && this.clientWidth !== this.#plot.width) {
        this.#plot.setSize({ width: this.clientWidth, height: HEIGHT });
      }
    });
  }

  /** Name of the chart with its last values, for those who cannot see it. */
  #summary() {
    const last = this.#data.lines.map((line) => {
      const value = line.avg.findLast((v) => v !== null);
      return `${line.label} ${show(value ?? null, line.unit)}`;
    });
    return [this.getAttribute('label'), ...last].filter(Boolean).join(', ');
  }


  /** A canvas knows no light-dark(): the browser resolves it on an element. */
  #ink(variable, share = 100) {
    const probe = document.createElement('span');
    probe.hidden = true;
    this.append(probe);
    probe.style.color = share === 100 ? `var(${variable})` : `color-mix(in oklab, var(${variable}) ${share}%, transparent)`;
    const colour = getComputedStyle(probe).color;
    probe.remove();
    return colour;
  }

  #clock(seconds, withDate) {
    const options = { hour: '2-digit', minute: '2-digit', hourCycle: 'h23', timeZone: this.getAttribute('zone') || undefined };
    if (withDate) Object.assign(options, { month: '2-digit', day: '2-digit' });
    return new Intl.DateTimeFormat(this.getAttribute('lang') || undefined, options).format(seconds * 1000);
  }

  #draw() {
    const width = this.clientWidth;
    if (!this.#data || width === 0) return;
    this.#plot?.destroy();
    const data = this.#data;
    const { table, plan, bands } = rows(data);
    this.#plot = new uPlot(this.#options(data, plan, bands, width), table, this);
    this.append(this.#readout);
  }

  #options(data, plan, bands, width) {
    const sides = units(data);
    const long = data.to - data.from > 86_400;
    const grid = { stroke: this.#ink('--line'), width: 1 };
    const axis = { stroke: this.#ink('--ink-3'), grid, ticks: { show: false }, font: '11px system-ui, sans-serif' };
    const scales = { x: { time: true, range: () => [this.#data.from, this.#data.to] } };
    const axes = [
      { ...axis, space: 90, size: 28, values: (_plot, splits) => once(splits.map((at) => this.#clock(at, long))) },
    ];
    sides.forEach((unit, side) => {
      scales[unit] = { range: (_plot, _min, max) => range(this.#data.top, max ?? 0) };
      axes.push({
        ...axis,
        scale: unit,
        side: side === 0 ? 3 : 1,
        size: 62,
        space: 36,
        grid: { ...grid, show: side === 0 },
        values: (_plot, splits) => splits.map((value) => show(value, unit)),
      });
    });
    const series = plan.map(({ role, index, line }) => ({
      label: line.label,
      scale: line.unit,
      stroke: role === 'line' ? this.#ink(COLOURS[index % COLOURS.length]) : undefined,
      width: role === 'line' ? 1.5 : 0,
      // A line of one point is none: it is a dot.
      points: { show: (plot, i) => role === 'line' && single(plot.data[i]) },
      spanGaps: false,
    }));
    return {
      width,
      height: HEIGHT,
      legend: { show: false },
      cursor: { drag: { x: false, y: false }, points: { size: 6 }, sync: { key: this.getAttribute('group') || undefined, setSeries: false } },
      scales,
      axes,
      series: [{}, ...series],
      bands: bands.map(({ series, index }) => ({ series, fill: this.#ink(COLOURS[index % COLOURS.length], 16) })),
      hooks: { setCursor: [(plot) => this.#read(plot, plan)] },
    };
  }

  #read(plot, plan) {
    const i = plot.cursor.idx;
    if (i === null || i === undefined) {
      this.#readout.textContent = '';
      return;
    }
    const values = plan.flatMap(({ role, line }) => {
      if (role !== 'line') return [];
      const band = line.min && line.min[i] !== null ? ` (${show(line.min[i], line.unit)} – ${show(line.max[i], line.unit)})` : '';
      return [`${line.label} ${show(line.avg[i], line.unit)}${band}`];
    });
    this.#readout.textContent = [this.#clock(this.#data.at[i], true), ...values].join(' · ');
  }

  /** Arrow keys move the cross-hair, of the whole group; Escape takes it away. */
  #key(event) {
    const plot = this.#plot;
    if (!plot) return;
    const last = this.#data.at.length - 1;
    const here = plot.cursor.idx ?? last;
    const steps = { ArrowLeft: here - 1, ArrowRight: here + 1, Home: 0, End: last };
    if (event.key === 'Escape') {
      plot.setCursor({ left: -10, top: -10 });
    } else if (event.key in steps) {
      event.preventDefault();
      const to = Math.min(last, Math.max(0, steps[event.key]));
      plot.setCursor({ left: plot.valToPos(this.#data.at[to], 'x'), top: plot.over.clientHeight / 2 });
    }
  }
}

customElements.define('rg-chart', RgChart);
