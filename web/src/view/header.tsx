import { controller } from '../state/controller';
import { shownStage, store } from '../state/store';
import { type Theme, theme } from '../state/theme';
import { texts } from '../texts';

/** Name, state, the button and the choice of colours. */
export function Header() {
  const stage = shownStage.value;
  const running = store.running.value;
  return (
    <header>
      <div class="brand">
        <h1>{texts.name}</h1>
        <p>{texts.tagline}</p>
      </div>
      <button id="start" type="button" class={running ? 'stop' : 'primary'} onClick={() => controller.toggle()}>
        {running ? texts.stop : texts.start}
      </button>
      <p id="state" class="state" data-state={stage} role="status">
        <span class="dot" aria-hidden="true" />
        <strong>{texts.stageName[stage]}</strong>
        <span>{(stage !== 'away' && store.words.value) || texts.stage[stage]}</span>
      </p>
      <label class="theme">
        <span>{texts.theme.label}</span>
        <select
          value={theme.value}
          onChange={(event) => {
            theme.value = event.currentTarget.value as Theme;
          }}
        >
          <option value="auto">{texts.theme.auto}</option>
          <option value="light">{texts.theme.light}</option>
          <option value="dark">{texts.theme.dark}</option>
        </select>
      </label>
    </header>
  );
}
