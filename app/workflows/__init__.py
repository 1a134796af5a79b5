"""What people and jobs do: one public function a verb; session, actor and time in, no Flask, no commit of their own."""
