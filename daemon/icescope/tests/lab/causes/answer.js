const { fetch } = window;
window.fetch = async (path, init) => {
  const response = await fetch(path, init);
  if (!(response.headers.get('content-type') ?? '').includes('sdp')) return response;
  const changed = new Response(change(await response.text()), response);
  Object.defineProperty(changed, 'url', { value: response.url });
  return changed;
};
