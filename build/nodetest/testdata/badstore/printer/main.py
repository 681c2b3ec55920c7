import os
line = b"x" * 120 + b"\n"
for _ in range((1 << 30) // (len(line) * 500)):
    os.write(1, line * 500)
