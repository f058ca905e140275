export const metadata = { title: { default: 'RemoteGPU', template: '%s · RemoteGPU' } };

export default function Layout({ children }) {
  return (
    <html lang="en" data-theme="auto">
      <body>{children}</body>
    </html>
  );
}
