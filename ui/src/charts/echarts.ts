// The parts of ECharts that are used, in one chunk that is fetched with the first chart, or before, when nothing is to do.

import { BarChart, LineChart, ScatterChart } from 'echarts/charts';
import { GraphicComponent, GridComponent } from 'echarts/components';
import { init, use } from 'echarts/core';
import { CanvasRenderer, SVGRenderer } from 'echarts/renderers';

use([BarChart, LineChart, ScatterChart, GraphicComponent, GridComponent, CanvasRenderer, SVGRenderer]);

/** Draws a small chart of every kind that nobody sees: browsers compile a function when it is first called. */
export function warm(): void {
  const chart = init(document.createElement('div'), null, { renderer: 'canvas', width: 320, height: 200 });
  const points = Array.from({ length: 40 }, (_, at) => [at, at % 7]);
  chart.setOption({
    animation: false,
    grid: { outerBoundsMode: 'none' },
    xAxis: { type: 'value' },
    yAxis: { type: 'value' },
    series: [
      { type: 'line', data: points, symbol: 'none', areaStyle: {}, silent: true },
      { type: 'bar', data: points, silent: true },
      { type: 'scatter', data: points.map((value) => ({ value, symbolSize: 5, itemStyle: { opacity: 0.5 } })), silent: true },
    ],
    graphic: { elements: [{ type: 'text', silent: true, x: 0, y: 7, style: { text: 'end' } }, { type: 'path', shape: { d: 'M0 0L1 1' } }] },
  });
  chart.getZr().flush();
  chart.dispose();
}

export { init };
