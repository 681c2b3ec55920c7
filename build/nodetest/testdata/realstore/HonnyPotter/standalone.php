<?php
// Stands in for HonnyPotter: a WordPress login that lets nobody in.
if ($_SERVER['REQUEST_METHOD'] === 'POST' && getenv('HONEYBEE_ENABLE') === 'true') {
    $event = json_encode([
        'eventid' => 'honnypotter.login.failed', 'pot_id' => getenv('HONEYBEE_POT_ID'), 'pot_type' => 'honnypotter',
        'timestamp' => time(), 'src_ip' => $_SERVER['REMOTE_ADDR'], 'username' => $_POST['log'] ?? '', 'password' => $_POST['pwd'] ?? '',
    ]);
    // The real one has 9100 fixed here, which a test must leave to others.
    $node = stream_socket_client('tcp://127.0.0.1:' . getenv('HONEYBEE_EVENT_PORT'), $code, $text, 5);
    fwrite($node, $event . "\n");
}
echo '<form method="post"><input name="log"><input name="pwd"></form>';
