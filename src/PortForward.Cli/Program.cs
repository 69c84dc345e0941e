Console.WriteLine("pf");
