/* Outside: whoever signs in next at this browser finds nothing of who was here before. */

import { forget } from "./history.js";

forget();
