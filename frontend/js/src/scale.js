// Pure parts of the chart: data for uPlot, axes, units. No document here, so that they can be tested.

/** Value and unit for people; mirrors app/src/ui/format.rs. */
export function show(value, unit) {
  if (value === null || value === undefined) return '—';
  const round = (x) => {
    const tenths = Math.round(x * 10);
    return (Math.abs(tenths) >= 1000 || tenths % 10 === 0 ? Math.round(x) : tenths / 10).toLocaleString('en-US');
  };
  if (unit === 'B/s') {
    const units = ['B/s', 'kB/s', 'MB/s', 'GB/s'];
    let n = value;
    let i = 0;
    while (n >= 1000 && i < units.length - 1) {
      n /= 1000;
      i += 1;
    }
    return `${round(n)} ${units[i]}`;
  }
  if (unit === 'W' && value >= 999.5) return `${round(value / 1000)} kW`;
  return `${round(value)} ${unit}`;
}

/**
 * The data as uPlot takes it: one row of times, then per line its values and, where it has a band, its upper and lower
 * edge. Also says which rows make a band. Nulls stay nulls: a gap is a gap.
 */
export function rows(data) {
  const table = [data.at];
  const plan = [];
  for (const [index, line] of data.lines.entries()) {
    plan.push({ role: 'line', index, line });
    table.push(line.avg);
    if (line.min && line.max) {
      plan.push({ role: 'max', index, line });
      table.push(line.max);
      plan.push({ role: 'min', index, line });
      table.push(line.min);
    }
  }
  const bands = [];
  plan.forEach((entry, i) => {
    if (entry.role === 'max') bands.push({ series: [i + 1, i + 2], index: entry.index });
  });
  return { table, plan, bands };
}

/** Units of the chart, first on the left axis, second on the right. */
export function units(data) {
  return [...new Set(data.lines.map((line) => line.unit))].slice(0, 2);
}

/** Range of an axis: from 0, up to what is known or a little above what was seen. */
export function range(top, seen) {
  if (top !== undefined && top !== null) return [0, top];
  return [0, seen > 0 ? seen * 1.1 : 1];
}

/** True when two charts differ only in their values, so that the drawing can stay. */
export function sameShape(a, b) {
  const shape = (data) => JSON.stringify([data.top, data.lines.map((l) => [l.label, l.unit, Boolean(l.min)])]);
  return Boolean(a && b) && shape(a) === shape(b);
}

/** Without what says again what stands before it: several ticks of an axis within one minute. */
export const once = (words) => words.map((word, i) => (word === words[i - 1] ? '' : word));

/** True for a row with a single value. */
export const single = (row) => row.filter((value) => value !== null).length === 1;
