// The text of the product's sign-in page, rendered anew for every request.
export const dynamic = 'force-dynamic';
export const metadata = { title: 'Sign in' };

function Field({ name, label, type, autoComplete }) {
  return (
    <div className="form-row">
      <label htmlFor={`f-${name}`}>
        {label}
        <span className="required" aria-hidden="true">
          *
        </span>
      </label>
      <span className="with-unit">
        <input id={`f-${name}`} name={name} type={type} defaultValue="" required autoComplete={autoComplete} />
      </span>
    </div>
  );
}

export default function Login() {
  const toLight = 'Appearance: as the system. Switch to light';
  return (
    <div className="plain">
      <main className="sign">
        <span className="brand">
          <span className="icon">
            <svg width="18" height="18" viewBox="0 0 18 18" aria-hidden="true">
              <path d="M2 4h14v10H2z" fill="none" stroke="currentColor" strokeWidth="1.6" />
              <path d="M5 7h3v4H5zM10 7h3v4h-3z" fill="currentColor" />
            </svg>
          </span>
          <span>RemoteGPU</span>
        </span>
        <h1>Sign in</h1>
        <form className="stack" method="post" action="/sign-in">
          <Field name="username" label="User name or e-mail" type="text" autoComplete="username" />
          <Field name="password" label="Password" type="password" autoComplete="current-password" />
          <button className="btn primary wide">Sign in</button>
        </form>
        <p>
          <a className="link" href="/forgot">
            Forgot the password?
          </a>
        </p>
        <div className="foot">
          <form className="switches" method="post" action="/preferences">
            <input type="hidden" name="back" value="/login" />
            <button className="btn ghost" name="language" value="zh" lang="zh-CN">
              中文
            </button>
          </form>
          <form className="switches" method="post" action="/preferences">
            <input type="hidden" name="back" value="/login" />
            <button className="btn ghost icon-only" name="theme" value="light" aria-label={toLight} title={toLight}>
              <span className="icon">
                <svg width="15" height="15" viewBox="0 0 16 16" fill="none" stroke="currentColor" strokeWidth="1.5" aria-hidden="true">
                  <circle cx="8" cy="8" r="6" />
                  <path d="M8 2a6 6 0 0 1 0 12z" fill="currentColor" />
                </svg>
              </span>
            </button>
          </form>
        </div>
      </main>
    </div>
  );
}
