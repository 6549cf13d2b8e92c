// Runs in a page of its own: stands in for the daemon's peer. Colour bars drawn on a canvas, sent to whoever offers.
export function becomePeer() {
  const connections = [];
  const colours = ['#c0c0c0', '#c0c000', '#00c0c0', '#00c000', '#c000c0', '#c00000', '#0000c0'];
  const canvas = document.createElement('canvas');
  canvas.width = 640;
  canvas.height = 480;
  const context = canvas.getContext('2d');
  let tick = 0;
  const draw = () => {
    tick += 1;
    colours.forEach((colour, index) => {
      context.fillStyle = colour;
      context.fillRect((index * 640) / 7, 0, 640 / 7 + 1, 480);
    });
    context.fillStyle = '#fff';
    context.fillRect((tick * 8) % 640, 440, 40, 40);
  };
  draw();
  setInterval(draw, 33);

  window.answer = async (sdp) => {
    const connection = new RTCPeerConnection();
    connections.push(connection);
    if (sdp.includes('a=recvonly')) connection.addTrack(canvas.captureStream(30).getVideoTracks()[0]);
    await connection.setRemoteDescription({ type: 'offer', sdp });
    await connection.setLocalDescription();
    if (connection.iceGatheringState !== 'complete') {
      await new Promise((resolve) => {
        connection.addEventListener('icegatheringstatechange', () => {
          if (connection.iceGatheringState === 'complete') resolve();
        });
      });
    }
    return connection.localDescription.sdp;
  };
  window.trickle = async (candidate) => {
    await connections.at(-1).addIceCandidate({ candidate, sdpMLineIndex: 0 });
  };
  window.close = () => {
    for (const connection of connections.splice(0)) connection.close();
  };
}
