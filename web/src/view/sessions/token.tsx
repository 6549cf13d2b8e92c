import { adminToken } from '../../state/access';
import { dropToken, past, useToken } from '../../state/past';
import { texts } from '../../texts';

const words = texts.sessions;

/** Why not all sessions are listed, and what would show them. */
export function Token() {
  if (adminToken.value !== undefined) {
    return (
      <p class="sessions-token">
        <button type="button" onClick={() => void dropToken()}>
          {words.forgetToken}
        </button>
      </p>
    );
  }
  if (past.scope.value === 'all') return null;
  return (
    <form
      class="sessions-token"
      onSubmit={(event) => {
        event.preventDefault();
        const field = event.currentTarget.elements.namedItem('token') as HTMLInputElement;
        void useToken(field.value);
        field.value = '';
      }}
    >
      <p class="quiet">{words.closedDoor}</p>
      <label>
        <span>{words.token}</span>
        <input type="password" name="token" autoComplete="off" aria-describedby="token-hint" required />
      </label>
      <button type="submit">{words.useToken}</button>
      <p class="quiet" id="token-hint">
        {words.tokenHint}
      </p>
    </form>
  );
}
