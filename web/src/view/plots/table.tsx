import { FIGURES } from '../../state/figures/figures';
import type { Plotted } from '../../state/figures/view';
import { texts } from '../../texts';
import { summaryWords } from './words';

const COLUMNS = ['last', 'min', 'mean', 'max'] as const;

/** What the plots show, in numbers. */
export function PlotTable({ plotted: { figures, marks } }: { plotted: Plotted }) {
  const words = texts.plots;
  return (
    <div class="as-table plot-table">
      <table>
        <thead>
          <tr>
            <th scope="col">{words.column.figure}</th>
            {COLUMNS.map((column) => (
              <th key={column} scope="col">
                {words.column[column]}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {FIGURES.map((name) => {
            const numbers = summaryWords(name, figures);
            return (
              <tr key={name} data-figure={name}>
                <th scope="row">{words.figure[name]}</th>
                {COLUMNS.map((column) => (
                  <td key={column} data-column={column}>
                    {numbers[column]}
                  </td>
                ))}
              </tr>
            );
          })}
        </tbody>
      </table>
      {marks.length > 0 && (
        <table>
          <thead>
            <tr>
              <th scope="col">{words.markColumn.time}</th>
              <th scope="col">{words.markColumn.what}</th>
              <th scope="col">{words.markColumn.words}</th>
            </tr>
          </thead>
          <tbody>
            {marks.map((mark) => (
              <tr key={`${mark.kind}${mark.time}`}>
                <td>{mark.time.toFixed(1)}</td>
                <td>{words.mark[mark.kind]}</td>
                <td>{mark.words}</td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
    </div>
  );
}
